/** Foreign peers and the rows they are tested on. */
export {}
