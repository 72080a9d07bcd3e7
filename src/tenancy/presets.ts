import type { Policy } from './policy.js';

export const presetNames = ['generic', 'apple', 'windows', 'cisco', 'juniper', 'mikrotik', 'strongswan'] as const;
export type PresetName = (typeof presetNames)[number];

type ScepDefaults = Partial<Policy['scep']>;

/** What a new SCEP profile for one family of clients starts with, where its creator says nothing else. The reasons stand in docs/clients.md. */
const presets: Readonly<Record<PresetName, ScepDefaults>> = {
  generic: {},
  apple: { chainInReply: false, getCert: 'off', getCrl: false },
  windows: { renewal: false, getCert: 'off', getCrl: false },
  cisco: { chainInReply: false, getCert: 'holder', getCrl: true },
  juniper: { chainInReply: false, getCert: 'off' },
  mikrotik: { renewal: true, getCert: 'off' },
  strongswan: { digests: ['sha256', 'sha384', 'sha512'], ciphers: ['aes128-cbc', 'aes192-cbc', 'aes256-cbc'], renewal: true, getCert: 'off', getCrl: false },
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The policy as given, with the preset's values where it says nothing. What is no object stays as it is, for the schema to refuse. */
export function withPreset(given: unknown, preset: PresetName): unknown {
  const policy = given ?? {};
  if (!isRecord(policy)) return policy;
  const scep = policy.scep ?? {};
  return isRecord(scep) ? { ...policy, scep: { ...presets[preset], ...scep } } : policy;
}

/** Algorithms that old clients need and that no longer protect; no preset switches them on. */
const legacyDigest = 'sha1';
const legacyCipher = 'des-ede3-cbc';

export function withLegacyAlgorithms(policy: Policy): Policy {
  const digests = [...new Set([...policy.scep.digests, legacyDigest] as const)];
  const ciphers = [...new Set([...policy.scep.ciphers, legacyCipher] as const)];
  return { ...policy, scep: { ...policy.scep, digests, ciphers } };
}

/** The legacy algorithms that a policy accepts, for the audit. */
export function legacyAlgorithmsOf({ scep }: Policy): readonly string[] {
  return [...scep.digests.filter((digest) => digest === legacyDigest), ...scep.ciphers.filter((cipher) => cipher === legacyCipher)];
}
