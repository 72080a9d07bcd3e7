import type { Connector } from './connector.js';
import type { Policy } from './policy.js';
import { legacyAlgorithmsOf } from './presets.js';
import type { Profile } from './profile.js';
import { warningsOf } from './profile-warnings.js';

/** A setting that is allowed and weakens something. */
export interface Switch {
  /** Where it is set, as operators find it: `policy.scep.getCert`, `GATEHOUSE_MODE`. */
  readonly setting: string;
  readonly value: string;
  /** What it allows, in one sentence. */
  readonly danger: string;
}

interface PolicyRule {
  readonly setting: string;
  /** undefined where it is not in force. */
  value(policy: Policy): string | undefined;
  readonly danger: string;
}

const whenTrue = (isOn: boolean): string | undefined => (isOn ? 'true' : undefined);

const scepRules: readonly PolicyRule[] = [
  {
    setting: 'policy.scep.digests, policy.scep.ciphers',
    value: (policy) => legacyAlgorithmsOf(policy).join(', ') || undefined,
    danger: 'Old algorithms are accepted that no longer protect.',
  },
  {
    setting: 'policy.scep.passwordRecipients',
    value: ({ scep }) => whenTrue(scep.passwordRecipients),
    danger: 'Whoever reads an answer can try to guess the challenge it is encrypted under.',
  },
  {
    setting: 'policy.scep.getCert',
    value: ({ scep }) => (scep.getCert === 'public' ? scep.getCert : undefined),
    danger: 'Anyone may fetch every certificate that was issued.',
  },
];

const cmpRules: readonly PolicyRule[] = [
  {
    setting: 'policy.cmp.messageTimeWindowSeconds',
    value: ({ cmp }) => (cmp.messageTimeWindowSeconds === 0 ? '0' : undefined),
    danger: 'The time of messages is not checked: a recorded one stays good for longer.',
  },
  {
    setting: 'policy.cmp.crlMissing',
    value: ({ cmp }) => (cmp.crlUrls.length > 0 && cmp.crlMissing === 'accept' ? cmp.crlMissing : undefined),
    danger: "Devices are let in while nobody knows whether their vendor's certificate was revoked.",
  },
  {
    setting: 'policy.cmp.unconfirmed',
    value: ({ cmp }) => (cmp.unconfirmed === 'keep' ? cmp.unconfirmed : undefined),
    danger: 'Certificates that their devices refused stay valid.',
  },
  {
    setting: 'policy.cmp.lockOut.attempts',
    value: ({ cmp }) => (cmp.lockOut.attempts === null ? 'null' : undefined),
    danger: 'Shared secrets may be guessed at without end.',
  },
  {
    setting: 'policy.cmp.conduct',
    value: ({ cmp }) => (cmp.conduct === 'compat' ? cmp.conduct : undefined),
    danger: 'Messages are accepted that the standard has refused.',
  },
];

const commonRules: readonly PolicyRule[] = [
  {
    setting: 'policy.renewal.graceDays',
    value: ({ renewal }) => (renewal.graceDays > 0 ? String(renewal.graceDays) : undefined),
    danger: 'Certificates renew after they have expired.',
  },
  {
    setting: 'policy.keys.postQuantum',
    value: ({ keys }) => whenTrue(keys.postQuantum),
    danger: 'Keys of experimental algorithms are certified.',
  },
  {
    setting: 'policy.approval.maxPending',
    value: ({ approval }) => (approval.mode === 'manual' && approval.maxPending === null ? 'null' : undefined),
    danger: 'Any number of orders may be put before the administrators.',
  },
];

/** Those of a profile; what its owner is warned of is among them. */
export function switchesOfProfile(profile: Profile): readonly Switch[] {
  const rules = [...commonRules, ...(profile.protocol === 'scep' ? scepRules : cmpRules)];
  const found = rules.flatMap(({ setting, value, danger }) => {
    const standing = value(profile.policy);
    return standing === undefined ? [] : [{ setting, value: standing, danger }];
  });
  return [...warningsOf(profile).map((danger) => ({ setting: 'profile', value: 'see its warnings', danger })), ...found];
}

const isPlain = (url: unknown): url is string => typeof url === 'string' && url.startsWith('http:');

/** Those of a connector. */
export function switchesOfConnector({ config }: Pick<Connector, 'config'>): readonly Switch[] {
  const given = config as Readonly<Record<string, unknown>>;
  const plain = ['url', 'connectorUrl'].flatMap((name) => {
    const value = given[name];
    return isPlain(value) ? [{ setting: `config.${name}`, value, danger: 'Its secrets and certificates travel unencrypted.' }] : [];
  });
  const isOpenMail = given.tls === 'none';
  return [...plain, ...(isOpenMail ? [{ setting: 'config.tls', value: 'none', danger: 'Mails and the password of the mail server travel unencrypted.' }] : [])];
}
