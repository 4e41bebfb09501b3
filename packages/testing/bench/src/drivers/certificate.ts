/** A throw-away self-signed certificate: the raw TLS limit needs one and nothing is secret here. */
export const certificate: { readonly key: string; readonly cert: string } = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8arpDIKctnzQZU7V
Jqc2Ohnuhf67CgbvYgGfHFvu5eOhRANCAARGTJgz3qcs4H4lM8nnuqrE9wTquOEO
DA15y5wQ/nKZfWYQFIlr42sPvMrcUcGHeepDsK2ghboeXzfxXW3mlXlC
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUSmabv4ZQcDPJOO6MbN4Y25fV3nowCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNYmVuY2guaW52YWxpZDAgFw0yNjExMjUxOTIwMjNaGA8yMTI2
MTEwMTE5MjAyM1owGDEWMBQGA1UEAwwNYmVuY2guaW52YWxpZDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABEZMmDPepyzgfiUzyee6qsT3BOq44Q4MDXnLnBD+cpl9
ZhAUiWvjaw+8ytxRwYd56kOwraCFuh5fN/FdbeaVeUKjUzBRMB0GA1UdDgQWBBQe
uoWaC4+WKhhH2w0KxAHuHBjJejAfBgNVHSMEGDAWgBQeuoWaC4+WKhhH2w0KxAHu
HBjJejAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIEgFvTSI++bj
WtB0SbWulM2fcuZTij/i7pXXUe/YQzwEAiEAyi/GQBls04OMc8lUlNMKvKdh3xgP
Uiet59uTSluQXgA=
-----END CERTIFICATE-----`
}
