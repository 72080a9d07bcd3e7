/** Certificates (DER) as the JSON text in which chains are kept. */
export function chainToJson(chain: readonly Buffer[]): string {
  return JSON.stringify(chain.map((certificate) => certificate.toString('base64')));
}

/** Of text that `chainToJson` has made. */
export function chainFromJson(text: string): readonly Buffer[] {
  return (JSON.parse(text) as readonly string[]).map((certificate) => Buffer.from(certificate, 'base64'));
}
