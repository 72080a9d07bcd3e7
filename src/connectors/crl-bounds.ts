/** How much is read of a revocation list: far longer than any other answer of a CA, and still bounded. */

/** Of a list in DER, octets: about 100,000 entries. */
export const maxCrlBytes = 4 * 1024 * 1024;

/** Of an answer that carries one in base64, with line breaks and whatever stands around it. */
export const maxCrlAnswerBytes = (maxCrlBytes / 2) * 3;
