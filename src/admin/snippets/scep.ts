import type { ChallengeMode } from '../../tenancy/profile.js';
import { mobileconfig } from './mobileconfig.js';
import type { Snippet } from './schema.js';

/** What a device must know of a SCEP profile; the challenge is never written down, it stands as `$CHALLENGE`. */
export interface ScepPlace {
  readonly name: string;
  readonly url: string;
  readonly profileId: string;
  readonly challengeMode: ChallengeMode;
}

/** How common clients enrol with a SCEP profile: `$CHALLENGE` and `$DEVICE` are for the reader to set. */
export function scepSnippets({ name, url, profileId, challengeMode }: ScepPlace): readonly Snippet[] {
  const host = new URL(url);
  return [
    {
      client: 'curl',
      title: 'Smoke test with curl',
      language: 'sh',
      note: 'The capabilities, and the certificates to compare fingerprints with.',
      text: `curl -fsS '${url}?operation=GetCACaps'
curl -fsS -o getcacert.p7b '${url}?operation=GetCACert'
openssl pkcs7 -inform DER -in getcacert.p7b -print_certs -out scep-certificates.pem
`,
    },
    {
      client: 'strongswan',
      title: 'strongSwan pki',
      language: 'sh',
      note: 'Needs strongswan-pki and the curl plugin. pki numbers the CA certificates it is shown; here ca.pem is the root and ca-1.pem the issuing CA: look before you go on.',
      text: `pki --gen --type rsa --size 2048 --outform pem > device.key
pki --scepca --url '${url}' --caout ca.pem --raout ra.pem --outform pem --force
pki --scep --url '${url}' --in device.key --dn "CN=$DEVICE" --password "$CHALLENGE" \\
  --cacert-enc ra.pem --cacert-sig ca-1.pem --cacert ca.pem --cipher aes --digest sha256 --outform pem > device.pem
`,
    },
    {
      client: 'certmonger',
      title: 'certmonger',
      language: 'sh',
      note: 'certmonger 0.79; compare the fingerprints before the request.',
      text: `getcert add-scep-ca -c gatehouse -u '${url}'
getcert list-cas -c gatehouse
getcert request -c gatehouse -k /etc/pki/device.key -f /etc/pki/device.pem -N "CN=$DEVICE" -L "$CHALLENGE"
`,
    },
    {
      client: 'sscep',
      title: 'sscep',
      language: 'sh',
      note: 'The challenge goes into the request, so openssl makes it with a configuration. The CA files are numbered: compare them before use.',
      text: `cat > sscep.cnf <<END
[req]
prompt = no
distinguished_name = name
attributes = attributes
[name]
CN = $DEVICE
[attributes]
challengePassword = $CHALLENGE
END
openssl req -new -newkey rsa:2048 -nodes -keyout device.key -out device.csr -config sscep.cnf
sscep getca -u '${url}' -c ca.crt -F sha256
sscep enroll -u '${url}' -c ca.crt-0 -e ca.crt-0 -k device.key -r device.csr -l device.pem -E aes256 -S sha256 -t 5 -T 60 -n 12
`,
    },
    {
      client: 'cisco-ios',
      title: 'Cisco IOS and IOS XE',
      language: 'cisco',
      note: 'IOS appends /pkiclient.exe itself. Set the challenge in place of $CHALLENGE.',
      text: `crypto key generate rsa modulus 2048 label GATEHOUSE
crypto pki trustpoint GATEHOUSE
 enrollment url ${url}
 subject-name CN=$DEVICE
 rsakeypair GATEHOUSE 2048
 hash sha256
 password $CHALLENGE
 revocation-check none
 auto-enroll 80 regenerate
crypto pki authenticate GATEHOUSE
crypto pki enroll GATEHOUSE
`,
    },
    {
      client: 'apple',
      title: 'Apple configuration profile',
      language: 'xml',
      note: 'Save as .mobileconfig; set $CHALLENGE and $DEVICE.',
      text: mobileconfig({ name, url, profileId, challenge: '$CHALLENGE', device: '$DEVICE' }),
    },
    {
      client: 'intune',
      title: 'Microsoft Intune',
      language: 'text',
      note: 'Fields of a SCEP certificate profile.',
      text: `SCEP Server URL: ${url}
Key size (bits): 2048
Hash algorithm: SHA-2
Key usage: Digital signature, Key encipherment
Extended key usage: Client Authentication (1.3.6.1.5.5.7.3.2)
Root certificate: a trusted certificate profile with the root shown by ${host.origin}
${intuneChallenge[challengeMode] ?? intuneWithout}
`,
    },
    ...(challengeMode === 'hmac' ? [derivation(profileId)] : []),
  ];
}

const intuneWithout = 'Intune makes challenges of its own: this profile takes them only with challengeMode intune';
const intuneChallenge: Partial<Record<ChallengeMode, string>> = { intune: 'Challenge: made by Intune, and validated there before a certificate is issued' };

/** docs/scep-challenges.md says what this is. */
function derivation(profileId: string): Snippet {
  return {
    client: 'hmac-challenge',
    title: 'The challenge of a device',
    language: 'sh',
    note: 'For management systems that compute challenges: $SECRET is hmac.secret, $DEVICE the identity in the request, and the challenge good for a day.',
    text: `HOURS=$(printf '%06d' $(( $(date +%s) / 3600 + 24 )))
MAC=$(printf '%s\\n%s\\n%s' '${profileId}' "$HOURS" "$DEVICE" | openssl dgst -sha256 -hmac "$SECRET" -binary | base32 | cut -c1-26)
echo "$HOURS$MAC"
`,
  };
}
