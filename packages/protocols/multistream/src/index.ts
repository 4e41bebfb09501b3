/** multistream-select 1.0, normal and optimistic. */
export {}
