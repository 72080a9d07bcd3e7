import { createHash } from 'node:crypto';

/** What a configuration profile says; `challenge` and `device` stand as variables where nobody knows them yet. */
export interface MobileconfigPlace {
  readonly name: string;
  readonly url: string;
  readonly profileId: string;
  readonly challenge: string;
  /** The common name. */
  readonly device: string;
  /** DER of CAs that the device is to trust. */
  readonly roots?: readonly Buffer[];
}

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The same for a payload whenever it is shown, and another for each: a device takes payloads of one identity for one (RFC 9562 section 5.8). */
function payloadUuid(profileId: string, payload: string): string {
  const bytes = createHash('sha256').update(`${profileId} ${payload}`).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes
    .toString('hex')
    .toUpperCase()
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What every payload begins with; `part` tells it from the others of the profile. */
function head(type: string, profileId: string, part: string | undefined): string {
  return `<key>PayloadType</key><string>${type}</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>gatehouse.scep.${profileId}${part === undefined ? '' : `.${part}`}</string>
      <key>PayloadUUID</key><string>${payloadUuid(profileId, part ?? 'profile')}</string>`;
}

function rootPayload(profileId: string, der: Buffer, place: number): string {
  return `    <dict>
      ${head('com.apple.security.root', profileId, `root-${place}`)}
      <key>PayloadContent</key><data>${der.toString('base64')}</data>
    </dict>
`;
}

/** com.apple.security.scep; the default key size of 1024 bits and the extractable key are never what is wanted. */
export function mobileconfig({ name, url, profileId, challenge, device, roots = [] }: MobileconfigPlace): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
      ${head('Configuration', profileId, undefined)}
  <key>PayloadDisplayName</key><string>${escapeXml(name)}</string>
  <key>PayloadContent</key>
  <array>
${roots.map((der, place) => rootPayload(profileId, der, place)).join('')}    <dict>
      ${head('com.apple.security.scep', profileId, 'certificate')}
      <key>PayloadContent</key>
      <dict>
        <key>URL</key><string>${escapeXml(url)}</string>
        <key>Subject</key><array><array><array><string>CN</string><string>${escapeXml(device)}</string></array></array></array>
        <key>Challenge</key><string>${escapeXml(challenge)}</string>
        <key>Keysize</key><integer>2048</integer>
        <key>Key Type</key><string>RSA</string>
        <key>Key Usage</key><integer>5</integer>
        <key>KeyIsExtractable</key><false/>
        <key>Retries</key><integer>3</integer>
        <key>RetryDelay</key><integer>10</integer>
      </dict>
    </dict>
  </array>
</dict>
</plist>
`;
}
