import { type Bench, openBench } from './openssl.js';
import { program } from './program.js';
import { type Ran, run } from './run.js';
import { untilCmpServed } from './served.js';
import { type RunningServer, startServer } from './server.js';

/** A CMP profile as a device needs it. */
export interface StandProfile {
  readonly id: string;
  readonly url: string;
  readonly path: string;
  readonly reference: string;
  readonly secret: string;
}

/** A running server with profiles of any policy, and a folder of a device beside it. */
export interface CmpStand {
  readonly server: RunningServer;
  readonly bench: Bench;
  readonly demo: StandProfile;
  api<T>(method: string, path: string, body?: object): Promise<T>;
  profile(name: string, policy: object): Promise<StandProfile>;
  /** `openssl cmp` for a profile; options as they would be typed. */
  openssl(profile: StandProfile, ...options: readonly string[]): Promise<Ran>;
  gatehouse(...args: readonly string[]): Promise<Ran>;
  /** A certificate in `name.pem` for the key `name.key`, by shared secret. */
  enrol(name: string, profile?: StandProfile): Promise<void>;
  /** An RA with the purpose cmcRA in `ra.pem` and `ra.key`, below a CA of its own; PEM. */
  registrationAuthority(): Promise<string>;
  statusOf(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

interface CreatedProfile {
  readonly id: string;
  readonly cmpUrl: string;
  readonly credentials: { readonly reference: string; readonly secret: string };
}

export async function openCmpStand(env: Readonly<Record<string, string>> = {}): Promise<CmpStand> {
  const server = await startServer({ env });
  const bench = openBench();
  const { cmp } = server.firstRun;
  const api = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const init = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await server.api(`/api/v1${path}`, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  };
  const listed = await api<{ items: readonly { id: string }[] }>('GET', '/cmp-profiles');
  const demo = { id: listed.items[0]?.id ?? '', url: cmp.url, path: cmp.path, reference: cmp.reference, secret: cmp.secret };
  const must = (ran: Ran): Ran => {
    if (ran.code !== 0) throw new Error(ran.output);
    return ran;
  };
  const stand: CmpStand = {
    server,
    bench,
    demo,
    api,
    async profile(name, policy) {
      const connectors = await api<{ items: readonly { id: string }[] }>('GET', '/connectors?type=crypto-engine');
      const made = await api<CreatedProfile>('POST', '/cmp-profiles', { name, connectorId: connectors.items[0]?.id, policy });
      await untilCmpServed(made.cmpUrl);
      return { id: made.id, url: made.cmpUrl, path: new URL(made.cmpUrl).pathname.slice(1), ...made.credentials };
    },
    openssl: (profile, ...options) =>
      bench.openssl(
        'cmp',
        '-config',
        '',
        '-batch',
        '-server',
        cmp.server,
        '-path',
        profile.path,
        '-recipient',
        cmp.recipient,
        '-msg_timeout',
        '30',
        ...options,
      ),
    gatehouse: (...args) => run(process.execPath, [...program, ...args], { cwd: bench.dir, timeoutMs: 150_000 }),
    async enrol(name, profile = demo) {
      await bench.key(`${name}.key`);
      const secret = ['-ref', profile.reference, '-secret', `pass:${profile.secret}`];
      must(
        await stand.openssl(
          profile,
          '-cmd',
          'ir',
          ...secret,
          '-newkey',
          `${name}.key`,
          '-subject',
          `/CN=${name}`,
          '-certout',
          `${name}.pem`,
          '-implicit_confirm',
        ),
      );
    },
    async registrationAuthority() {
      await bench.key('ra-ca.key');
      must(await bench.openssl('req', '-x509', '-new', '-key', 'ra-ca.key', '-subj', '/CN=RA Root', '-days', '30', '-out', 'ra-ca.pem'));
      await bench.key('ra.key');
      await bench.csr('ra.csr', 'ra.key', '/CN=RA');
      bench.write('ra.ext', 'keyUsage=digitalSignature\nextendedKeyUsage=1.3.6.1.5.5.7.3.28\nsubjectKeyIdentifier=hash\n');
      const signing = ['-CA', 'ra-ca.pem', '-CAkey', 'ra-ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'ra.ext'];
      must(await bench.openssl('x509', '-req', '-in', 'ra.csr', ...signing, '-out', 'ra.pem'));
      return bench.read('ra.pem');
    },
    async statusOf(name) {
      const { items } = await api<{ items: readonly { status: string }[] }>('GET', `/certificates?q=${encodeURIComponent(name)}`);
      return items[0]?.status;
    },
    async close() {
      bench.remove();
      await server.dispose();
    },
  };
  return stand;
}
