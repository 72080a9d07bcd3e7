import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FirstRun } from './first-run.js';

/** The program's own file, seen from src/ or from dist/src/. By its path, since `npx gatehouse` would build everything anew first. */
const program = ['../bin/gatehouse.js', '../../bin/gatehouse.js'].map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync) ?? 'gatehouse';

/** What the first start prints: where to go, what to know, and commands that work when pasted. */
export function welcome(made: FirstRun): string {
  return [heading(made), ...(made.cmp ? [cmpCommands(made, made.cmp)] : []), ...(made.scep ? [scepCommands(made.scep)] : []), ''].join('\n');
}

function heading({ admin, ca }: FirstRun): string {
  return `
Gatehouse is ready. This is shown once; it is also in first-run.json beside the data.

  Administration   ${admin.url}   (API reference: ${admin.url}/api/docs)
  User             ${admin.username} / ${admin.password}
  API token        ${admin.token}
  CA               ${ca.subject}
  CA fingerprint   SHA-256 ${ca.sha256}
  CA certificates  ${ca.file}`;
}

function cmpCommands(made: FirstRun, cmp: NonNullable<FirstRun['cmp']>): string {
  const to = `-server ${cmp.server} -path ${cmp.path}`;
  return `
Enrol a device over CMP   ${cmp.url}   reference ${cmp.reference}   secret ${cmp.secret}

  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out device.key
  openssl cmp -cmd ir ${to} -ref ${cmp.reference} -secret pass:${cmp.secret} -mac hmacWithSHA256 -recipient "${cmp.recipient}" -newkey device.key -subject "/CN=device-1" -sans device-1.example -implicit_confirm -certout device.pem -cacertsout cacerts.pem
  openssl verify -CAfile ${made.ca.file} device.pem

Renew it with a new key, signed by the old one

  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out device-2.key
  openssl cmp -cmd kur ${to} -cert device.pem -key device.key -trusted ${made.ca.file} -newkey device-2.key -certout device-2.pem
`;
}

function scepCommands(scep: NonNullable<FirstRun['scep']>): string {
  return `Enrol a device over SCEP   ${scep.url}   challenge ${scep.challenge}

  node ${program} enrol scep --url ${scep.url} --challenge ${scep.challenge} --subject "CN=device-3" --out device-3

The same with strongSwan (Debian: apt-get install strongswan-pki libstrongswan-extra-plugins)

  pki --scepca --url ${scep.url} --caout scep-ca.pem --raout scep-ra.pem --outform pem --force
  pki --gen --type rsa --size 2048 --outform pem > device-4.key
  pki --scep --url ${scep.url} --in device-4.key --dn "CN=device-4" --password ${scep.challenge} --cacert-enc scep-ra.pem --cacert-sig scep-ra.pem --cacert scep-ca.pem --cacert scep-ca-1.pem --cipher aes --digest sha256 --outform pem > device-4.pem`;
}
