import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromPem, parseCertificate, parseCsr } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { contentOf, type Node } from '../support/der-tree.js';
import { type Seed, seedOf } from '../support/mutate.js';

export const kinds = ['certificate', 'csr', 'key', 'crl', 'name', 'names', 'algorithm', 'scep', 'envelope', 'data', 'certrep', 'p7c', 'cmp'] as const;
export type Kind = (typeof kinds)[number];
export type Corpus = Readonly<Record<Kind, readonly Seed[]>>;

const fixtures = join(import.meta.dirname, '../../fixtures');

/** What a committed file is, told by folder and name; undefined for keys and notes. */
function kindOf(path: string): Kind | undefined {
  const name = path.split('/').pop() ?? '';
  if (/^cmp\/.*\.der$/.test(path)) return 'cmp';
  if (/^scep\/.*\.(der|bin)$/.test(path)) return /rep/.test(name) ? 'certrep' : 'scep';
  const match = /\.(scep|cmp|certrep|envelope|csr|crl|data|p7c|spki|crt)\.(der|pem)$/.exec(name);
  const suffix = match?.[1];
  if (suffix === 'crt') return 'certificate';
  return suffix === 'spki' ? 'key' : (suffix as Kind | undefined);
}

function bytesOf(path: string): Buffer {
  const content = readFileSync(join(fixtures, path));
  if (!path.endsWith('.pem')) return content;
  const label = path.includes('.csr.') ? 'CERTIFICATE REQUEST' : 'CERTIFICATE';
  return fromPem(label, content.toString('latin1'))[0] ?? Buffer.alloc(0);
}

/** Every committed message and certificate by kind, with the names, keys and algorithms inside them as kinds of their own. */
export function loadCorpus(): Corpus {
  const files = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  const seeds = Object.fromEntries(kinds.map((kind) => [kind, [] as Seed[]])) as Record<Kind, Seed[]>;
  for (const file of files.sort()) {
    const kind = kindOf(file);
    if (kind !== undefined) seeds[kind].push(seedOf(file, bytesOf(file)));
  }
  for (const { name, bytes } of seeds.certificate) {
    const certificate = parseCertificate(bytes);
    if (!certificate.ok) throw certificate.error;
    seeds.name.push(seedOf(`${name}: subject`, certificate.value.subject.der));
    seeds.key.push(seedOf(`${name}: key`, certificate.value.publicKey.spki));
  }
  for (const { name, bytes } of seeds.csr) {
    const csr = parseCsr(bytes);
    const names = csr.ok ? csr.value.extensions.find((item) => item.oid === oids.subjectAltName) : undefined;
    if (names !== undefined) seeds.names.push(seedOf(`${name}: names`, names.value));
  }
  for (const seed of [...seeds.certificate, ...seeds.cmp])
    seeds.algorithm.push(...seed.nodes.filter(isAlgorithm).map((node) => seedOf(`${seed.name}: algorithm`, node.raw)));
  return seeds;
}

/** AlgorithmIdentifiers with parameters worth reading: PSS and password-based MACs. */
function isAlgorithm(node: Node): boolean {
  const [first, second] = node.children;
  return node.tag === 0x30 && first?.tag === 0x06 && second?.tag === 0x30 && contentOf(second).length > 20;
}
