import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { buildChain, type Certificate, type CertificateList, isSameName, parseCertificate, parseCrl, pathRevocation } from '../../src/pkix/index.js';

/**
 * NIST's Public Key Interoperability Test Suite: every certificate for an end entity says in its name whether its path is valid.
 * The files are not ours to ship; `<VECTORS_DIR>/pkits` holds its `certs` and `crls`.
 */
const folder = `${process.env.VECTORS_DIR ?? '../shared/vectors'}/pkits`;
const at = new Date('2020-01-01T00:00:00Z');

/** Valid by the suite, but by means that are not served; refusing more than needed is safe. */
const refusedThough = [
  // DSA is no algorithm of ours.
  /DSA/,
  // Indirect lists, lists for some reasons only, delta lists, lists by another key than the certificates': not counted.
  /IndirectCRL|indirectCRL|distributionPointTest[47]|cRLIssuer|onlySomeReasons|deltaCRL|SeparateCertificateandCRLKeys|BasicSelfIssuedCRLSigningKey|BasicSelfIssuedNewWithOld|BasicSelfIssuedOldWithNew/,
];

/** Revoked only on a delta list: by its base list, which is in force, it is good. */
const acceptedThough = 'InvaliddeltaCRLTest4EE.crt';

function load<T>(kind: 'certs' | 'crls', parse: (bytes: Buffer) => { readonly ok: true; readonly value: T } | { readonly ok: false }): Map<string, T> {
  const found = new Map<string, T>();
  for (const name of readdirSync(`${folder}/${kind}`)) {
    const parsed = parse(readFileSync(`${folder}/${kind}/${name}`));
    if (parsed.ok) found.set(name, parsed.value);
  }
  return found;
}

/** The certificates that could stand above: a directory would find them by name. */
function above(leaf: Certificate, all: readonly Certificate[]): Certificate[] {
  const found: Certificate[] = [];
  const names = [leaf];
  for (let next = names.pop(); next !== undefined; next = names.pop()) {
    const { issuer } = next;
    const issuers = all.filter((item) => isSameName(item.subject, issuer) && !found.includes(item));
    found.push(...issuers);
    names.push(...issuers);
  }
  return found;
}

t.test('CMP-074 CMP-075 NIST PKITS: paths and their revocation', { skip: !existsSync(`${folder}/certs`) && `no pkits in VECTORS_DIR` }, async (t) => {
  const certificates = load('certs', parseCertificate);
  const lists: readonly CertificateList[] = [...load('crls', parseCrl).values()];
  const anchor = certificates.get('TrustAnchorRootCertificate.crt');
  if (anchor === undefined) throw new Error('PKITS without its anchor.');
  const all = [...certificates.values()].filter((item) => item !== anchor);
  const verdictOf = (leaf: Certificate): boolean => {
    const chain = buildChain({ leaf, intermediates: above(leaf, all), anchors: [anchor], at });
    return chain.ok && pathRevocation(chain.value, lists, at).verdict === 'good';
  };
  let [valid, invalid] = [0, 0];
  for (const name of readdirSync(`${folder}/certs`)) {
    const isValid = /^Valid.*EE\.crt$/.test(name);
    if (!isValid && !/^Invalid.*EE\.crt$/.test(name)) continue;
    const leaf = certificates.get(name);
    const accepted = leaf !== undefined && verdictOf(leaf);
    if (!isValid) t.equal(accepted, name === acceptedThough, name);
    else if (!refusedThough.some((pattern) => pattern.test(name))) t.ok(accepted, name);
    if (isValid) valid += 1;
    else invalid += 1;
  }
  t.ok(valid > 70 && invalid > 90, `${valid} valid and ${invalid} invalid paths`);
});
