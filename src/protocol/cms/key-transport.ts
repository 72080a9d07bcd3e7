import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  type Digest,
  digestOids,
  hasNoParameters,
  oidOfDigest,
  readAlgorithmIdentifier,
} from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, der, encode, guarded, oids } from '../der/index.js';
import { digestLengths, type OaepParameters } from './oaep.js';

/** How a content key is encrypted to an RSA key: PKCS#1 v1.5 or OAEP. */
export type KeyTransport = { readonly kind: 'pkcs1' } | ({ readonly kind: 'oaep' } & OaepParameters);

export const pkcs1: KeyTransport = { kind: 'pkcs1' };

/** RFC 4055 §4.1
 *  RSAES-OAEP-params ::= SEQUENCE {
 *    hashFunc     [0] AlgorithmIdentifier DEFAULT sha1Identifier,
 *    maskGenFunc  [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
 *    pSourceFunc  [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier }
 *  Absent parameters are all defaults, as some writers leave them out. */
function readOaepParameters(algorithm: AlgorithmIdentifier): Result<OaepParameters, 'transport-unknown'> {
  if (hasNoParameters(algorithm)) return ok({ digest: 'sha1', maskDigest: 'sha1', label: Buffer.alloc(0) });
  const read = guarded(() => {
    const fields = new Cursor(algorithm.parameters as Buffer).sequence();
    const hash = fields.explicit(0);
    const maskGen = fields.explicit(1);
    const source = fields.explicit(2);
    fields.end();
    const maskAlgorithm = maskGen === undefined ? undefined : readAlgorithmIdentifier(maskGen);
    const sourceAlgorithm = source === undefined ? undefined : readAlgorithmIdentifier(source);
    return {
      digest: digestOids[hash === undefined ? oids.sha1 : readAlgorithmIdentifier(hash).oid],
      maskDigest: digestOids[maskAlgorithm?.parameters === undefined ? oids.sha1 : readAlgorithmIdentifier(new Cursor(maskAlgorithm.parameters)).oid],
      label: sourceAlgorithm?.parameters === undefined ? Buffer.alloc(0) : new Cursor(sourceAlgorithm.parameters).octetString(),
      isKnown: (maskAlgorithm?.oid ?? oids.mgf1) === oids.mgf1 && (sourceAlgorithm?.oid ?? oids.pSpecified) === oids.pSpecified,
    };
  });
  if (!read.ok || !read.value.isKnown) return fail('transport-unknown');
  const { digest, maskDigest, label } = read.value;
  return digest === undefined || maskDigest === undefined ? fail('transport-unknown') : ok({ digest, maskDigest, label });
}

export function readKeyTransport(algorithm: AlgorithmIdentifier): Result<KeyTransport, 'transport-unknown'> {
  if (algorithm.oid === oids.rsaEncryption && hasNoParameters(algorithm)) return ok(pkcs1);
  if (algorithm.oid !== oids.rsaesOaep) return fail('transport-unknown');
  const parameters = readOaepParameters(algorithm);
  return parameters.ok ? ok({ kind: 'oaep', ...parameters.value }) : parameters;
}

const digestIdentifier = (digest: Digest) => algorithmIdentifier({ oid: oidOfDigest(digest), parameters: encode(der.nullValue()) });

/** The AlgorithmIdentifier of a transport; OAEP's parameters are written out, except where they are the defaults. */
export function keyTransportAlgorithm(transport: KeyTransport): AlgorithmIdentifier {
  if (transport.kind === 'pkcs1') return { oid: oids.rsaEncryption, parameters: der.nullValue() };
  const { digest, maskDigest } = transport;
  const parameters = der.sequence(
    digest === 'sha1' ? undefined : der.explicit(0, digestIdentifier(digest)),
    maskDigest === 'sha1' ? undefined : der.explicit(1, der.sequence(der.oid(oids.mgf1), digestIdentifier(maskDigest))),
  );
  return { oid: oids.rsaesOaep, parameters: encode(parameters) };
}

/** The most octets an RSA key of so many bits can be sent (RFC 8017 sections 7.1.1 and 7.2.1); negative where it is too short for anything. */
export function mostTransported(transport: KeyTransport, bits: number): number {
  const length = Math.ceil(bits / 8);
  return transport.kind === 'pkcs1' ? length - 11 : length - 2 * digestLengths[transport.digest] - 2;
}
