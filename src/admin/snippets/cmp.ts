import type { Policy } from '../../tenancy/policy.js';
import type { Snippet } from './schema.js';

/** What a device must know of a CMP profile, and what the profile lets it do. */
export interface CmpPlace {
  readonly url: string;
  readonly profileId: string;
  readonly policy: Policy;
}

/** How `openssl cmp` does each operation that a CMP profile allows; `$REFERENCE`, `$SECRET` and `$DEVICE` (`$ADMIN` and `$TOKEN` to mint) are for the reader to set. */
export function cmpSnippets({ url, profileId, policy }: CmpPlace): readonly Snippet[] {
  const { protocol, host, pathname } = new URL(url);
  const isTls = protocol === 'https:';
  const server = isTls ? `-server 'https://${host}' -tls_used -tls_trusted tls.pem` : `-server '${host}'`;
  const words: Words = {
    cmp: (command) => `openssl cmp -cmd ${command} ${server} -path '${pathname.slice(1)}'`,
    secret: `-ref "$REFERENCE" -secret env:SECRET -mac hmacWithSHA256 -recipient '/CN=CA'`,
    signed: '-cert device.pem -key device.key -trusted ca.pem',
    confirm: policy.cmp.implicitConfirm ? '-implicit_confirm ' : '',
    patience: policy.approval.mode === 'manual' ? '-total_timeout 86400 ' : '',
    note: `OpenSSL 3. The secret is read from the environment (export SECRET=...), where ps does not show it. ca.pem holds the CA certificates${isTls ? ', tls.pem those of the web server' : ''}.`,
  };
  const { protection, macs } = policy.cmp;
  const bySecret = protection.includes('mac') && macs.includes('pbm');
  const bySignature = protection.includes('signature');
  return [
    ...(bySecret ? [...secretSnippets(words), ownSecret(words, profileId)] : []),
    ...(protection.includes('mac') ? [ownClient(url, policy)] : []),
    ...(bySignature ? signatureSnippets(words, policy) : []),
    ...(policy.cmp.generalMessages.serve ? [questions(words, bySecret)] : []),
    ...(bySignature && policy.cmp.revocation.serve ? [revocation(words)] : []),
    ...(policy.cmp.centralKeys.serve && bySecret ? [centralKey(words)] : []),
    ...(bySignature ? [baseStation(url, policy)] : []),
    smokeTest(url),
  ];
}

interface Words {
  cmp(command: string): string;
  readonly secret: string;
  readonly signed: string;
  readonly confirm: string;
  readonly patience: string;
  readonly note: string;
}

const newKey = (file: string): string => `openssl ecparam -name prime256v1 -genkey -noout -out ${file}`;

function secretSnippets({ cmp, secret, confirm, patience, note }: Words): readonly Snippet[] {
  return [
    {
      client: 'openssl',
      title: 'OpenSSL: first certificate (ir)',
      language: 'sh',
      note,
      text: `${newKey('device.key')}
${cmp('ir')} ${secret} \\
  -newkey device.key -subject "/CN=$DEVICE" ${confirm}${patience}-certout device.pem
`,
    },
    {
      client: 'openssl-p10cr',
      title: 'OpenSSL: certificate for a PKCS#10 (p10cr)',
      language: 'sh',
      note,
      text: `${newKey('request.key')}
openssl req -new -key request.key -subj "/CN=$DEVICE" -out request.csr
${cmp('p10cr')} ${secret} \\
  -csr request.csr ${confirm}${patience}-certout request.pem
`,
    },
  ];
}

/** The secret passes through variables alone, never through a file or an argument. */
function ownSecret({ cmp, secret, confirm, patience, note }: Words, profileId: string): Snippet {
  return {
    client: 'device-secret',
    title: 'A secret for one device: minted, and used (ir)',
    language: 'sh',
    note: `$ADMIN is the URL of the admin API, $TOKEN a token of the role minter. The secret is good for one certificate of this name, for a week. ${note}`,
    text: `MINTED=$(printf 'Authorization: Bearer %s' "$TOKEN" | curl -fsS -H @- -H 'Content-Type: application/json' \\
  -d "{ \\"subject\\": \\"CN=$DEVICE\\", \\"label\\": \\"$DEVICE\\" }" "$ADMIN/api/v1/cmp-profiles/${profileId}/device-secrets")
field() { printf '%s' "$MINTED" | sed -n "s/.*\\"$1\\": *\\"\\([A-Za-z0-9]*\\)\\".*/\\1/p"; }
REFERENCE=$(field reference)
SECRET=$(field secret)
export SECRET
${newKey('device.key')}
${cmp('ir')} ${secret} \\
  -newkey device.key -subject "/CN=$DEVICE" ${confirm}${patience}-certout device.pem
`,
  };
}

function signatureSnippets({ cmp, signed, confirm, patience, note }: Words, { cmp: policy }: Policy): readonly Snippet[] {
  const vendor: Snippet = {
    client: 'openssl-vendor',
    title: 'OpenSSL: first certificate by a vendor certificate (ir)',
    language: 'sh',
    note: `${note} vendor.pem and vendor.key are what the device was made with, vendor-chain.pem the CAs behind it.${policy.vendorDevices === 'listed' ? ' The device must be on the list of the profile.' : ''}`,
    text: `${newKey('device.key')}
${cmp('ir')} -cert vendor.pem -key vendor.key -extracerts vendor-chain.pem -trusted ca.pem \\
  -newkey device.key -subject "/CN=$DEVICE" ${confirm}${patience}-certout device.pem
`,
  };
  return [
    ...(policy.trustAnchors.length > 0 ? [vendor] : []),
    {
      client: 'openssl-further',
      title: 'OpenSSL: a further certificate (cr)',
      language: 'sh',
      note,
      text: `${newKey('further.key')}
${cmp('cr')} ${signed} \\
  -newkey further.key -subject "/CN=$DEVICE" ${confirm}${patience}-certout further.pem
`,
    },
    {
      client: 'openssl-renewal',
      title: 'OpenSSL: renewal (kur)',
      language: 'sh',
      note,
      text: `${newKey('next.key')}
${cmp('kur')} ${signed} \\
  -newkey next.key ${confirm}${patience}-certout next.pem
`,
    },
  ];
}

function questions({ cmp, secret, signed, note }: Words, bySecret: boolean): Snippet {
  const credential = bySecret ? secret : signed;
  return {
    client: 'openssl-questions',
    title: 'OpenSSL: what the CA tells (genm)',
    language: 'sh',
    note: `${note} Newer versions know more kinds: caCerts, certReqTemplate, rootCaCert, crlStatusList.`,
    text: `${cmp('genm')} ${credential} -infotype signKeyPairTypes
${cmp('genm')} ${credential} -infotype currentCRL
`,
  };
}

function revocation({ cmp, signed, note }: Words): Snippet {
  return {
    client: 'openssl-revocation',
    title: 'OpenSSL: revocation (rr)',
    language: 'sh',
    note: `${note} Reasons are numbers of RFC 5280: 1 keyCompromise, 4 superseded, 5 cessationOfOperation.`,
    text: `${cmp('rr')} ${signed} -oldcert device.pem -revreason 4
`,
  };
}

function centralKey({ cmp, secret, confirm, note }: Words): Snippet {
  return {
    client: 'openssl-central-key',
    title: 'OpenSSL 3.5: key pair made by the server (ir)',
    language: 'sh',
    note: `Needs OpenSSL 3.5. ${note}`,
    text: `${cmp('ir')} ${secret} \\
  -centralkeygen -newkeyout device.key -subject "/CN=$DEVICE" ${confirm}-certout device.pem
`,
  };
}

/** What OpenSSL leaves out. */
function ownClient(url: string, { cmp }: Policy): Snippet {
  const mac = cmp.macs.includes('pbmac1') ? ' --mac pbmac1' : '';
  return {
    client: 'gatehouse',
    title: 'Our own client',
    language: 'sh',
    note: 'Every operation: docs/cmp-client.md. secret.txt holds the secret in its first line.',
    text: `gatehouse enrol cmp --url '${url}' --reference "$REFERENCE" --secret-file secret.txt${mac} --subject "CN=$DEVICE" --out device
`,
  };
}

/** 3GPP TS 33.310 clause 9, as the forms of base stations and their managers (Nokia NetAct, Ericsson ENM) ask for it. */
function baseStation(url: string, { cmp }: Policy): Snippet {
  const { hostname, port, protocol, pathname } = new URL(url);
  return {
    client: 'base-station',
    title: 'Base stations (Nokia, 3GPP TS 33.310)',
    language: 'text',
    note: `Fields of the CMP client of a base station. ${cmp.conduct === '3gpp' ? 'The profile speaks as base stations do.' : 'Set cmp.conduct to 3gpp for base stations.'} ${cmp.trustAnchors.length > 0 ? '' : "Enter the vendor's root among cmp.trustAnchors first."}`.trim(),
    text: `CMP server host: ${hostname}
CMP server port: ${port === '' ? (protocol === 'https:' ? '443' : '80') : port}
CMP server path: ${pathname}
CMP URL: ${url}
Transport: ${protocol === 'https:' ? 'HTTPS' : 'HTTP'}, POST, application/pkixcmp
Initial enrolment: ir, signed with the vendor certificate; its chain in extraCerts
Message protection and proof of possession: SHA-256 with RSA or ECDSA
Shared secret (PSK, reference number): none
Recipient (CA subject): the subject of the issuing CA in ca.pem
Trust anchor (operator root): the root in ca.pem
Confirmation: certConf
Renewal: kur, signed with the operator certificate
Vendor devices: ${cmp.vendorDevices === 'listed' ? 'enter issuer and serial number, or subject, in the list of the profile' : 'any below the trust anchors'}
`,
  };
}

function smokeTest(url: string): Snippet {
  return {
    client: 'curl',
    title: 'Smoke test with curl',
    language: 'sh',
    note: 'An empty message is refused by the server, and anything but "000" and "404" shows that the endpoint is there.',
    text: `curl -sS -o /dev/null -w '%{http_code}\\n' -H 'Content-Type: application/pkixcmp' --data-binary '' '${url}'
`,
  };
}
