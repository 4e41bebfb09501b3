/** What a node knows of its peers, in memory, written behind to any datastore. */
export {}
