/** One server node of the campaign: its own process on fixed ports, killed and started again at will. Never touches any other process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../bench/children.js';
import { tree } from '../bench/compiled.js';
import { awakeMs } from './awake.js';

export interface NodeSettings {
  /** The script it runs. */
  readonly server: string;
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether a process with its code loaded stands by while the node serves: for nodes that are killed often. */
  readonly hasSpare?: boolean;
}

/** Longer than a node takes on a machine that has other things to do: cut off, it would leave what it was told to finish. */
const endMs = 120_000;
/** On a machine that is crowded all the time. */
const readyWithinMs = 300_000;

export class ChaosNode {
  readonly url: string;
  readonly adminUrl: string;
  kills = 0;
  /** How often it ended at a place it was armed with. */
  hits = 0;
  freezes = 0;
  /** The named places at which it died. */
  readonly died: string[] = [];
  /** Ends that nobody asked for, with what was printed last. */
  readonly crashes: string[] = [];
  #server: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #hasSpare: boolean;
  #child: ChildProcess | undefined;
  /** Takes over at the next start. */
  #spare: ChildProcess | undefined;
  #isWanted = false;
  #printed = '';
  readonly #armFile: string;
  #arming: (() => string) | undefined;

  private constructor(url: string, adminUrl: string, armFile: string, { server, hasSpare = false, environment }: Omit<NodeSettings, 'dataDir'>) {
    this.#armFile = armFile;
    this.#hasSpare = hasSpare;
    this.url = url;
    this.adminUrl = adminUrl;
    this.#server = server;
    this.#environment = environment;
  }

  /** Takes two ports; nothing is started yet. */
  static async create(settings: NodeSettings): Promise<ChaosNode> {
    const device = `127.0.0.1:${await freePort()}`;
    const admin = `127.0.0.1:${await freePort()}`;
    const armFile = join(settings.dataDir, 'failpoints');
    writeFileSync(armFile, '');
    const environment = {
      CHAOS_ARM_FILE: armFile,
      GATEHOUSE_MODE: 'dev',
      GATEHOUSE_DATA_DIR: settings.dataDir,
      GATEHOUSE_LISTEN: device,
      GATEHOUSE_ADMIN_LISTEN: admin,
      GATEHOUSE_PROCESSES: '1',
      GATEHOUSE_LOG_LEVEL: 'error',
      ...settings.environment,
    };
    return new ChaosNode(`http://${device}`, `http://${admin}`, armFile, { ...settings, environment });
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** From now on, and after each start, it ends by itself at such a place (`name:action:passes`), until it is told otherwise. */
  arm(arming: (() => string) | undefined): void {
    this.#arming = arming;
    writeFileSync(this.#armFile, arming?.() ?? '');
    if (this.isRunning) this.#child?.kill('SIGWINCH');
  }

  /** The script that it runs from its next start on. */
  runFrom(server: string): void {
    this.#server = server;
  }

  /** `failpoint`: dies by itself there (`name:kill:passes`), which counts as a kill, and is started again. */
  start(failpoint?: string, more: Readonly<Record<string, string>> = {}): void {
    const child = this.#standby();
    this.#spare = undefined;
    child.stdin?.write(`${JSON.stringify({ ...more, ...(failpoint && { CHAOS_FAILPOINT: failpoint }) })}\n`);
    child.once('exit', (code, signal) => {
      if (this.#isWanted && this.#child === child && failpoint !== undefined && signal === 'SIGKILL') {
        this.kills += 1;
        this.died.push(failpoint.split(':')[0] ?? '');
        this.start();
        return;
      }
      if (this.#isWanted && this.#child === child && this.#arming !== undefined && (signal === 'SIGKILL' || code === 1)) {
        this.hits += 1;
        writeFileSync(this.#armFile, this.#arming());
        this.start();
        return;
      }
      // 69 (EX_UNAVAILABLE): it found no database when it started, and whoever runs it starts it again.
      if (this.#isWanted && this.#child === child && code !== 69) this.crashes.push(`exit ${code ?? signal}: ${this.#printed}`);
    });
    this.#child = child;
    this.#isWanted = true;
  }

  /** The spare, or a process just made. It ends with this one. */
  #standby(): ChildProcess {
    if (this.#spare?.exitCode === null && this.#spare.signalCode === null) return this.#spare;
    const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...this.#environment, CHAOS_SPARE: '1' };
    const child = spawn(process.execPath, [this.#server], { cwd: tree, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const note = (chunk: Buffer) => {
      this.#printed = (this.#printed + chunk.toString('utf8')).slice(-4000);
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    // Killed before it was told anything: its exit says so.
    child.stdin.on('error', () => undefined);
    const endWithUs = () => child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.removeListener('exit', endWithUs));
    return child;
  }

  async isReady(): Promise<boolean> {
    if (!this.isRunning) return false;
    try {
      return (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) })).status === 200;
    } catch {
      return false;
    }
  }

  /** Waits until it serves; starts it again when it ended by itself, and gives up when that takes very long. */
  async untilReady(): Promise<void> {
    const begun = awakeMs();
    while (!(await this.isReady())) {
      if (awakeMs() - begun > readyWithinMs) throw new Error(`A node did not become ready:\n${this.#printed}`);
      if (!this.isRunning) this.start();
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    if (this.#hasSpare && this.#isWanted) this.#spare = this.#standby();
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    this.kills += 1;
  }

  /** Holds the process for a while, as a machine that swaps or is moved does; nothing when it is killed meanwhile. */
  async freeze(ms: number): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    child.kill('SIGSTOP');
    this.freezes += 1;
    await new Promise((resolve) => setTimeout(resolve, ms));
    child.kill('SIGCONT');
  }

  /** For good: SIGTERM, and the spare goes too. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    this.#spare?.kill('SIGKILL');
    this.#spare = undefined;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#isWanted = false;
    if (child === undefined || !this.isRunning) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const begun = awakeMs();
    const timer = setInterval(() => awakeMs() - begun > endMs && child.kill('SIGKILL'), 1_000);
    await ended;
    clearInterval(timer);
  }
}
