/** The fault points: where a node is armed, how the CA and the lines behave, what is done meanwhile, and what counts as a hit. */
import type { Line } from '../device/fleet.js';
import type { Moods } from '../hostile-ca.js';
import * as events from './events.js';
import type { Stage } from './stage.js';

export interface Trial {
  readonly stage: Stage;
  /** What the devices' lines noted. */
  readonly counts: Readonly<Record<string, number>>;
  /** What was not as it must be, in words. */
  readonly broken: string[];
  hit(times?: number): void;
  isOver(): boolean;
}

export interface FaultPoint {
  readonly id: string;
  readonly what: string;
  /** A named place of the product, with its action: `claimed:kill`. */
  readonly arm?: string;
  /** How often the place is passed at most before. */
  readonly passes?: number;
  readonly moods?: Moods;
  /** Calls that met these moods are the hits. */
  readonly counted?: readonly (keyof Moods)[];
  readonly line?: Omit<Line, 'noted'>;
  /** Messages that met this are the hits. */
  readonly noted?: Parameters<Line['noted']>[0];
  readonly scepShare?: number;
  readonly devices?: number;
  readonly hasOperator?: boolean;
  /** Devices come by a balancer that asks /readyz: not to the third node. */
  readonly isBalanced?: true;
  /** Goes on until it is over. */
  readonly event?: (trial: Trial) => Promise<void>;
}

export const points: readonly FaultPoint[] = [
  { id: 'F1', what: 'killed while reading', arm: 'received:kill', passes: 12 },
  { id: 'F2', what: 'database away at arrival', event: events.stopDatabase },
  { id: 'F3', what: 'killed inside the first transaction', arm: 'recording:kill', passes: 6 },
  { id: 'F3', what: 'line cut at COMMIT', event: events.cutAtCommit },
  { id: 'F4', what: 'two nodes, one request', line: { twins: 1 }, noted: 'twins' },
  { id: 'F5', what: 'same transactionID, other request', devices: 0, event: events.contradict },
  { id: 'F6', what: 'killed between claim and call', arm: 'claimed:kill', passes: 6 },
  { id: 'F7', what: 'killed between answer and record', arm: 'answered:kill', passes: 6 },
  { id: 'F7', what: 'killed after the record', arm: 'settled:kill', passes: 6 },
  { id: 'F7', what: 'killed during a look-up', arm: 'looked-up:kill', passes: 2, moods: { silent: 0.3 } },
  { id: 'F8', what: 'issued after the time-out', moods: { late: 0.3 }, counted: ['late'] },
  { id: 'F9', what: 'issued and cut', moods: { cut: 0.3 }, counted: ['cut'] },
  { id: 'F10', what: '5xx before and after issuing', moods: { broken: 0.15, brokenAfter: 0.15 }, counted: ['broken', 'brokenAfter'] },
  { id: 'F11', what: 'a wrong certificate', moods: { wrong: 0.3 }, counted: ['wrong'], hasOperator: true },
  { id: 'F12', what: 'answer cut, endless or slow', moods: { short: 0.1, long: 0.1, drip: 0.1 }, counted: ['short', 'long', 'drip'] },
  { id: 'F13', what: 'credential refused', event: events.refuseCredential },
  { id: 'F14', what: 'answer to the device lost', line: { lost: 0.3, cut: 0.2 }, noted: 'lost' },
  { id: 'F14', what: 'killed before the answer is sent', arm: 'answering:kill', passes: 12 },
  { id: 'F15', what: 'asked on another node meanwhile', moods: { slow: 0.9 }, line: { echoMs: 120 }, noted: 'echo' },
  { id: 'F16', what: 'held by SIGSTOP past the lease', moods: { slow: 0.6 }, event: events.freeze },
  { id: 'F16', what: 'held between answer and record', arm: 'answered:stall', passes: 6, event: events.rearm },
  { id: 'F17', what: 'no database during the call', moods: { slow: 0.6 }, event: events.partition },
  { id: 'F18', what: 'clock an hour ahead or behind', isBalanced: true, event: events.shiftClock },
  { id: 'F19', what: 'database full', event: events.fillDisk },
  { id: 'F20', what: 'RA certificate over', isBalanced: true, event: events.outliveRaCertificate },
  { id: 'F21', what: 'wrong master key', devices: 2, event: events.startWithWrongKey },
  { id: 'F22', what: 'schema newer than the node', devices: 2, event: events.startOnNewerSchema },
  { id: 'F23', what: 'SIGTERM', event: events.terminate },
  { id: 'F26', what: 'an error nobody caught', arm: 'received:reject', passes: 12 },
  { id: 'F27', what: 'killed before a confirmation is recorded', arm: 'confirming:kill', passes: 3, scepShare: 0 },
  { id: 'F27', what: 'killed before a confirmation is answered', arm: 'confirmed:kill', passes: 3, scepShare: 0 },
];
