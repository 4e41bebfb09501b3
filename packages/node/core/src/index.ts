/** createNode(): dialling, upgrading, connections, registrar, addresses and limits. */
export {}
