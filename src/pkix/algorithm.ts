import { type Cursor, der, type Element, tag } from '../protocol/der/index.js';

/** RFC 5280 section 4.1.1.2
 *  AlgorithmIdentifier ::= SEQUENCE {
 *    algorithm   OBJECT IDENTIFIER,
 *    parameters  ANY DEFINED BY algorithm OPTIONAL } */
export interface AlgorithmIdentifier {
  readonly oid: string;
  /** The parameters' whole encoding, as received. */
  readonly parameters?: Buffer;
}

export function readAlgorithmIdentifier(cursor: Cursor, elementTag: number = tag.sequence): AlgorithmIdentifier {
  const fields = cursor.enter(elementTag);
  const oid = fields.oid();
  if (fields.isEmpty) return { oid };
  const parameters = fields.element();
  fields.end();
  return { oid, parameters };
}

export function algorithmIdentifier(algorithm: AlgorithmIdentifier): Element {
  return der.sequence(der.oid(algorithm.oid), algorithm.parameters);
}

/** True when parameters are absent or NULL, the two forms in the field for algorithms without any. */
export function hasNoParameters(algorithm: AlgorithmIdentifier): boolean {
  return algorithm.parameters === undefined || (algorithm.parameters.length === 2 && algorithm.parameters[0] === tag.null);
}
