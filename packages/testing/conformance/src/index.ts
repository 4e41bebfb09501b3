/** One contract suite for each seam, run by every implementation. */
export {}
