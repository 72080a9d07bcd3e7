import { type Cursor, contextPrimitive, Cursor as DerCursor, type DerError, guarded, oids } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import type { Certificate } from './certificate.js';
import { isSameName } from './name.js';

/** What the extensions of one certificate say of policies (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14). */
interface PolicyExtensions {
  readonly policies: readonly string[] | undefined;
  readonly mappings: readonly (readonly [issuerDomain: string, subjectDomain: string])[];
  readonly requireExplicit: number | undefined;
  readonly inhibitMapping: number | undefined;
  readonly inhibitAny: number | undefined;
}

function readPolicyExtensions(certificate: Certificate): Result<PolicyExtensions, DerError> {
  const read = <T>(oid: string, reader: (cursor: Cursor) => T): T | undefined => {
    const found = certificate.extensions.find((item) => item.oid === oid);
    if (found === undefined) return undefined;
    const cursor = new DerCursor(found.value);
    const value = reader(cursor);
    cursor.end();
    return value;
  };
  return guarded(() => {
    const constraints = read(oids.policyConstraints, readPolicyConstraints);
    return {
      policies: read(oids.certificatePolicies, (cursor) => cursor.sequence().each((item) => item.sequence().oid())),
      mappings: read(oids.policyMappings, (cursor) => cursor.sequence().each(readMapping)) ?? [],
      requireExplicit: constraints?.requireExplicit,
      inhibitMapping: constraints?.inhibitMapping,
      inhibitAny: read(oids.inhibitAnyPolicy, (cursor) => cursor.smallInteger()),
    };
  });
}

function readMapping(cursor: Cursor): readonly [string, string] {
  const fields = cursor.sequence();
  const mapping = [fields.oid(), fields.oid()] as const;
  fields.end();
  return mapping;
}

function readPolicyConstraints(cursor: Cursor) {
  const fields = cursor.sequence();
  const requireExplicit = fields.at(contextPrimitive(0)) ? fields.smallInteger(contextPrimitive(0)) : undefined;
  const inhibitMapping = fields.at(contextPrimitive(1)) ? fields.smallInteger(contextPrimitive(1)) : undefined;
  fields.end();
  return { requireExplicit, inhibitMapping };
}

/** The policies that are still good; `any`: all of them. */
interface Valid {
  readonly any: boolean;
  readonly named: ReadonlySet<string>;
}

const none: Valid = { any: false, named: new Set() };

/**
 * Policy processing of RFC 5280 section 6.1 for the initial policy set anyPolicy: whether a path on which a policy is required
 * has one. As only that is asked, the tree is kept as the set of policies expected next; mappings replace members of it.
 * `path`: leaf first, without the anchor.
 */
export function arePoliciesValid(path: readonly Certificate[]): boolean {
  const count = path.length;
  let valid: Valid = { any: true, named: new Set() };
  let [explicit, mapping, any] = [count + 1, count + 1, count + 1];
  for (const [index, certificate] of [...path].reverse().entries()) {
    const read = readPolicyExtensions(certificate);
    if (!read.ok) return false;
    const found = read.value;
    const isLast = index === count - 1;
    const isSelfIssued = isSameName(certificate.subject, certificate.issuer);
    valid = narrowed(valid, found.policies, any > 0 || (!isLast && isSelfIssued));
    if (explicit === 0 && isEmpty(valid)) return false;
    if (isLast) {
      explicit = found.requireExplicit === 0 ? 0 : Math.max(0, explicit - 1);
      break;
    }
    if (found.mappings.flat().includes(oids.anyPolicy)) return false;
    valid = mapped(valid, found.mappings, mapping > 0);
    if (!isSelfIssued) [explicit, mapping, any] = [Math.max(0, explicit - 1), Math.max(0, mapping - 1), Math.max(0, any - 1)];
    explicit = Math.min(explicit, found.requireExplicit ?? explicit);
    mapping = Math.min(mapping, found.inhibitMapping ?? mapping);
    any = Math.min(any, found.inhibitAny ?? any);
  }
  return explicit > 0 || !isEmpty(valid);
}

function isEmpty(valid: Valid): boolean {
  return !valid.any && valid.named.size === 0;
}

/** Section 6.1.3 d, e. */
function narrowed(valid: Valid, policies: readonly string[] | undefined, isAnyAllowed: boolean): Valid {
  if (policies === undefined || isEmpty(valid)) return none;
  const keepsAny = isAnyAllowed && policies.includes(oids.anyPolicy);
  const named = policies.filter((policy) => policy !== oids.anyPolicy && (valid.any || valid.named.has(policy)));
  return { any: valid.any && keepsAny, named: new Set(keepsAny ? [...named, ...valid.named] : named) };
}

/** Section 6.1.4 b: a mapped policy is expected under its new names; where mapping is inhibited it is no longer good. */
function mapped(valid: Valid, mappings: PolicyExtensions['mappings'], isAllowed: boolean): Valid {
  if (mappings.length === 0) return valid;
  const isGood = (policy: string) => valid.any || valid.named.has(policy);
  const kept = [...valid.named].filter((policy) => !mappings.some(([from]) => from === policy));
  const added = isAllowed ? mappings.filter(([from]) => isGood(from)).map(([, to]) => to) : [];
  return { any: valid.any, named: new Set([...kept, ...added]) };
}
