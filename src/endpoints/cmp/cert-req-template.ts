import { buildRdns, extendedKeyUsageExtension, keyUsageExtension, type Name, nameFromText } from '../../pkix/index.js';
import { algIdControl, type CertReqTemplate, encodeTemplateExtensions, rsaKeyLenControl } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import type { Policy } from '../../tenancy/policy.js';
import { signatureKeyTypes } from './key-types.js';

/**
 * What a request should look like (RFC 9483 section 4.3.3): the fixed parts of the subject with empty places for the others, usages, and
 * the kinds of key. Neither publicKey nor what only a CA may set stands in it.
 */
export function requestTemplateOf(policy: Policy): CertReqTemplate {
  const { keyUsage, extendedKeyUsage } = policy.certificate;
  const purposes = extendedKeyUsage.map((name) => oids[name]);
  const extensions = [...(keyUsage.length === 0 ? [] : [keyUsageExtension(keyUsage)]), ...(purposes.length === 0 ? [] : [extendedKeyUsageExtension(purposes)])];
  const subject = subjectOf(policy.names.subject.template);
  return {
    certTemplate: { ...(subject && { subject }), ...(extensions.length > 0 && { extensions: encodeTemplateExtensions(extensions) }) },
    keySpec: [
      rsaKeyLenControl(policy.keys.rsaMinBits),
      ...signatureKeyTypes(policy)
        .filter(({ oid }) => oid !== oids.rsaEncryption)
        .map(algIdControl),
    ],
  };
}

/** "An empty string" stands for what the device fills in. */
function subjectOf(template: string | null): Name | undefined {
  const name = template === null ? undefined : nameFromText(template);
  if (name?.ok !== true) return undefined;
  return buildRdns(name.value.rdns.map((rdn) => rdn.map(({ type, text }): [string, string] => [type, text.includes('{') ? '' : text])));
}
