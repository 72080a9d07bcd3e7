import type { Snippet } from './schema.js';

/** How `openssl cmp` enrols, renews and revokes with a CMP profile; `$REFERENCE`, `$SECRET` and `$DEVICE` are for the reader to set. */
export function cmpSnippets({ url }: { readonly url: string }): readonly Snippet[] {
  const { protocol, host, pathname } = new URL(url);
  const server = protocol === 'https:' ? `https://${host}` : host;
  const to = `-server '${server}' -path '${pathname.slice(1)}'`;
  const signed = '-cert device.pem -key device.key -trusted ca.pem';
  const note = 'OpenSSL 3. The secret is read from the environment (export SECRET=...), where ps does not show it. ca.pem holds the CA certificates.';
  return [
    {
      client: 'openssl',
      title: 'OpenSSL: first certificate',
      language: 'sh',
      note,
      text: `openssl ecparam -name prime256v1 -genkey -noout -out device.key
openssl cmp -cmd ir ${to} -ref "$REFERENCE" -secret env:SECRET -mac hmacWithSHA256 -recipient '/CN=CA' \\
  -newkey device.key -subject "/CN=$DEVICE" -implicit_confirm -certout device.pem
`,
    },
    {
      client: 'openssl-renewal',
      title: 'OpenSSL: renewal',
      language: 'sh',
      note,
      text: `openssl ecparam -name prime256v1 -genkey -noout -out next.key
openssl cmp -cmd kur ${to} ${signed} -newkey next.key -implicit_confirm -certout next.pem
`,
    },
    {
      client: 'curl',
      title: 'Smoke test with curl',
      language: 'sh',
      note: 'An empty message is refused by the server, and anything but "000" and "404" shows that the endpoint is there.',
      text: `curl -sS -o /dev/null -w '%{http_code}\\n' -H 'Content-Type: application/pkixcmp' --data-binary '' '${url}'
`,
    },
  ];
}
