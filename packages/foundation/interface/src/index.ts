/** The seams of Peerloom: types, contracts, error codes and events. */
export {}
