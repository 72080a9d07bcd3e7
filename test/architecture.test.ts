import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  /** Path from the project's root, or the package's name. */
  readonly target: string;
  readonly isTypeOnly: boolean;
  /** What is taken from it, as written. */
  readonly names: string;
}

interface Source {
  /** From the project's root: `src/pkix/csr.ts`. */
  readonly file: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

function sourcesUnder(folder: string, pattern = /\.tsx?$/): readonly Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => pattern.test(file) && !file.includes('node_modules'))
    .sort()
    .map((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return { file, text, imports: importsOf(file, text) };
    });
}

const statement = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:([^'";]*?)\sfrom\s+)?'([^']+)'/g;
const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g;

function importsOf(file: string, text: string): readonly Import[] {
  const written = [...text.matchAll(statement)].map((match) => ({ name: match[3] ?? '', isTypeOnly: match[1] !== undefined, names: match[2] ?? '' }));
  const called = [...text.matchAll(dynamic)].map((match) => ({ name: match[1] ?? '', isTypeOnly: false, names: '*' }));
  return [...written, ...called].map(({ name, ...rest }) => ({ target: name.startsWith('.') ? resolved(file, name) : name, ...rest }));
}

function resolved(file: string, name: string): string {
  return relative(root, join(root, dirname(file), name)).replace(/\.js$/, '.ts');
}

const sources = sourcesUnder('src');

/**
 * The rooms, and into which other rooms each may reach; every room may use `runtime`. A name stands for the folder or file under
 * src/. A room that is in no row does not pass: whoever builds one says here whom it may know.
 */
const rooms: Readonly<Record<string, { readonly uses: readonly string[]; readonly because: string }>> = {
  runtime: { uses: [], because: 'it has no domain words, so nothing of the domain can be below it' },
  'protocol/der': { uses: [], because: 'bytes know nothing of certificates' },
  pkix: { uses: ['protocol/der'], because: 'X.509 words are shared by every room and may drag none of them along' },
  'protocol/cms': { uses: ['protocol/der', 'pkix'], because: 'a codec is pure: bytes in, typed messages out' },
  'protocol/scep': { uses: ['protocol/cms', 'protocol/der', 'pkix'], because: 'a codec is pure, and SCEP knows nothing of CMP' },
  'protocol/cmp': { uses: ['protocol/cms', 'protocol/der', 'pkix'], because: 'a codec is pure, and CMP knows nothing of SCEP' },
  audit: { uses: ['pkix'], because: 'what is recorded must not depend on who records it' },
  tenancy: { uses: ['pkix', 'audit'], because: 'profiles and credentials are older than any order' },
  notification: { uses: ['pkix', 'audit', 'tenancy'], because: 'it is told what happened; it does not look' },
  enrolment: { uses: ['audit', 'tenancy', 'notification', 'pkix'], because: 'the core speaks no HTTP, no SCEP, no CMP, no SQL' },
  'crypto-engine': { uses: ['pkix', 'protocol/der'], because: 'the embedded CA could be taken out and run elsewhere' },
  connectors: {
    uses: ['enrolment/ports.ts', 'enrolment/order.ts', 'notification/ports.ts', 'audit/sink.ts', 'tenancy', 'pkix', 'protocol/der', 'crypto-engine'],
    because: 'a connector fills a port of the core and knows nothing of the story around it',
  },
  'device-client': { uses: ['protocol', 'pkix'], because: 'our own client must be as far from the server as any other client is' },
  decode: { uses: ['protocol', 'pkix'], because: 'reading a captured message must need no database and no profile' },
  store: {
    uses: ['enrolment', 'tenancy', 'audit', 'notification', 'pkix', 'crypto-engine/ports.ts', 'admin/ports.ts', 'admin/ports'],
    because: 'it implements the ports; row types never leave it',
  },
  endpoints: {
    uses: ['protocol', 'pkix', 'enrolment', 'tenancy', 'crypto-engine'],
    because: 'it translates between a protocol and the core, and does nothing else',
  },
  workers: { uses: ['enrolment', 'tenancy', 'audit', 'notification', 'pkix', 'crypto-engine'], because: 'a background job is one more caller of the core' },
  admin: {
    uses: ['enrolment', 'tenancy', 'audit', 'notification', 'pkix', 'decode'],
    because: 'the JSON API shows the domain; it reaches CAs and SQL only through ports',
  },
  client: { uses: [], because: 'it runs in browsers: nothing of the server may come along, its types are made from the OpenAPI document' },
  console: { uses: ['admin', 'client'], because: 'the console talks to the API over HTTP; it may borrow the types of its schemas' },
  config: { uses: ['tenancy'], because: 'settings are words and files; whoever needs one is handed it' },
  cli: {
    uses: ['config.ts', 'config', 'master-key.ts', 'start-fault.ts', 'store', 'audit', 'tenancy', 'device-client', 'decode', 'pkix'],
    because: 'a command puts a few concrete parts together',
  },
};

/** Files directly under src/: the one place where concrete parts meet. */
const isComposition = (file: string): boolean => dirname(file) === 'src';

const names = Object.keys(rooms).sort((left, right) => right.length - left.length);
const pathOf = (file: string): string => file.replace(/^src\//, '');
const roomOf = (file: string): string | undefined => names.find((name) => pathOf(file).startsWith(`${name}/`));
const isWithin = (file: string, place: string): boolean => pathOf(file) === place || pathOf(file).startsWith(`${place}/`);

/** Object identifiers are names, as free to all rooms as the words of pkix are. */
const isOnlyNames = ({ target, names }: Import): boolean => target === 'src/protocol/der/index.ts' && /^\{\s*oids\s*\}$/.test(names.trim());

function mayImport(from: Source, item: Import): boolean {
  const { target } = item;
  if (!target.startsWith('src/') || isOnlyNames(item)) return true;
  const room = roomOf(from.file);
  if (isComposition(from.file) || room === undefined) return true;
  return roomOf(target) === room || isWithin(target, 'runtime') || (rooms[room]?.uses ?? []).some((place) => isWithin(target, place));
}

t.test('every file lives in a room that has a rule', async (t) => {
  t.strictSame(
    sources.filter(({ file }) => !isComposition(file) && roomOf(file) === undefined).map(({ file }) => file),
    [],
  );
});

t.test('rooms import only the rooms below them', async (t) => {
  for (const source of sources) {
    for (const item of source.imports) {
      if (mayImport(source, item)) continue;
      t.fail(`${source.file} imports ${item.target}, but of ${roomOf(source.file)} we say: ${rooms[roomOf(source.file) ?? '']?.because}`);
    }
  }
  t.ok(sources.length > 50, 'there are sources to look at');
});

/** Pairs of siblings that must not know each other, whatever their room allows. */
const strangers = [
  { from: /^src\/endpoints\/scep\//, to: /^src\/(endpoints|protocol)\/cmp\//, because: 'SCEP must stand when CMP is taken out' },
  { from: /^src\/endpoints\/cmp\//, to: /^src\/(endpoints|protocol)\/scep\//, because: 'CMP must stand when SCEP is taken out' },
  { from: /^src\/endpoints\/.*\/route\.ts$/, to: /^src\/enrolment\/(?!ports|refusal|service)/, because: 'HTTP meets the core only through its service' },
] as const;

t.test('siblings do not know each other', async (t) => {
  for (const { from, to, because } of strangers) {
    const guilty = sources
      .filter(({ file }) => from.test(file))
      .flatMap(({ file, imports }) => imports.filter(({ target }) => to.test(target)).map(({ target }) => `${file} -> ${target}`));
    t.strictSame(guilty, [], because);
  }
  const connectors = sources.filter(({ file }) => /^src\/connectors\/[^/]+\//.test(file));
  const folder = (file: string): string | undefined => /^src\/connectors\/([^/]+)\//.exec(file)?.[1];
  const across = connectors.flatMap(({ file, imports }) =>
    imports.filter(({ target }) => folder(target) !== undefined && folder(target) !== folder(file)).map(({ target }) => `${file} -> ${target}`),
  );
  t.strictSame(across, [], 'connectors never import each other');
});

t.test('the console takes types only, and only of schemas', async (t) => {
  const taken = sources.filter(({ file }) => isWithin(file, 'console')).flatMap(({ imports }) => imports.filter(({ target }) => isWithin(target, 'admin')));
  t.strictSame(
    taken.filter(({ target, isTypeOnly }) => !isTypeOnly || !target.endsWith('schema.ts')).map(({ target }) => target),
    [],
  );
});

/** Words that belong to some rooms only. `text` is matched against code without comments. */
const words = [
  {
    what: 'the database drivers',
    text: /from '(kysely|pg|@electric-sql\/pglite)(\/[^']*)?'/,
    where: /^src\/store\//,
    because: 'only the store speaks SQL',
  },
  { what: 'process.env', text: /\bprocess\.env\b/, where: /^src\/config\.ts$/, because: 'every setting is read, checked and listed in one place' },
  {
    what: 'HTTP',
    text: /from '(fastify|@fastify\/[^']+|fastify-[^']+|undici|node:https?2?)'|(?<![.\w])fetch\(/,
    where:
      /^src\/(endpoints|admin|client|console|connectors|device-client)\/|^src\/crypto-engine\/api\/|^src\/(compose|listeners)\.ts$|^src\/cli\/admin-api\.ts$/,
    because: 'the core and the codecs must not know how bytes arrive; of the commands only the client of the admin API does',
  },
  { what: 'the logger library', text: /from 'pino'/, where: /^src\/runtime\/log\.ts$/, because: 'redaction is set up once' },
  {
    what: 'pkijs, asn1js or forge',
    text: /from '(pkijs|asn1js|node-forge)'/,
    where: /^src\/(connectors|admin|decode)\//,
    because: 'the hot path uses our own DER layer',
  },
  {
    what: 'the clock or the network',
    text: /\bDate\.now\(|new Date\(\)|from 'node:(net|tls|dns|fs)/,
    where: /^src\/(?!protocol\/)/,
    because: 'codecs are pure: the clock comes as an argument',
  },
] as const;

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

for (const { what, text, where, because } of words) {
  t.test(`${what}: ${because}`, async (t) => {
    const guilty = sources.filter((source) => !where.test(source.file) && text.test(withoutComments(source.text))).map(({ file }) => file);
    t.strictSame(guilty, []);
  });
}

/** The files a file needs when it is loaded; types vanish and cannot make a cycle. */
function needsOf(source: Source): readonly string[] {
  return source.imports.filter(({ target, isTypeOnly }) => !isTypeOnly && target.startsWith('src/')).map(({ target }) => target);
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

t.test('no file needs itself in a circle', async (t) => {
  t.strictSame(findCycle(new Map(sources.map((source) => [source.file, needsOf(source)]))), undefined);
  t.strictSame(
    findCycle(
      new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    ),
    ['a', 'b', 'a'],
    'a circle would be found',
  );
});

t.test('no drawers: folders and files are named for what is in them', async (t) => {
  const drawers = /(^|\/)(utils?|helpers?|common|misc|shared|lib|manager)(\/|\.tsx?$)/;
  const everything = [...sources, ...sourcesUnder('test'), ...sourcesUnder('migrations')];
  t.strictSame(
    everything.filter(({ file }) => drawers.test(file)).map(({ file }) => file),
    [],
  );
});

t.test('nothing admits to be unfinished, and every test can fail', async (t) => {
  const everything = [...sources, ...sourcesUnder('test'), ...sourcesUnder('migrations'), ...sourcesUnder('scripts', /\.(ts|mjs)$/)];
  const confession = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'X{3}', 'not ' + 'implemented', '\\.(on' + 'ly|to' + 'do)\\(', 't\\.pass\\(' + '\\)'].join('|'));
  t.strictSame(
    everything.filter(({ text }) => confession.test(text)).map(({ file }) => file),
    [],
  );
});

t.test('migrations import nothing from src: they are frozen, src is not', async (t) => {
  const guilty = sourcesUnder('migrations').filter(({ imports }) => imports.some(({ target }) => target.startsWith('src/')));
  t.strictSame(
    guilty.map(({ file }) => file),
    [],
  );
});

t.test('the lock file names no registry, so that any mirror can serve it', async (t) => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  t.notMatch(lock, /"resolved":/);
  t.notMatch(lock, /registry\.[a-z]|npmjs/);
});

t.test('every setting is described in the manual, and the manual describes no other', async (t) => {
  const settings = new Set(readFileSync(join(root, 'src/config/settings.ts'), 'utf8').match(/\bGATEHOUSE_[A-Z_]+\b/g));
  const manual = new Set(readFileSync(join(root, 'docs/operations.md'), 'utf8').match(/\bGATEHOUSE_[A-Z_]+\b/g));
  t.strictSame(
    [...settings].filter((name) => !manual.has(name)),
    [],
    'in config/settings.ts but not in docs/operations.md',
  );
  t.strictSame(
    [...manual].filter((name) => !settings.has(name.replace(/_FILE$/, '')) && !settings.has(name)),
    [],
    'in docs/operations.md but not in config/settings.ts',
  );
});

t.test('links between documents lead somewhere', async (t) => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  ];
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map((match) => match[1] ?? '');
    const broken = links.filter((link) => !existsSync(join(root, dirname(document), link)));
    t.strictSame(broken, [], document);
  }
});

t.test('the largest files of each room', async (t) => {
  const sizes = sources.map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 })).sort((left, right) => right.lines - left.lines);
  for (const { file, lines } of sizes.slice(0, 8)) t.comment(`${lines} ${file}`);
  t.strictSame(
    sizes.filter(({ lines }) => lines > 400).map(({ file, lines }) => `${file}: ${lines}`),
    [],
    'past 300 lines, ask which second idea moved in; 400 is too many',
  );
});
