interface PolicyFactory {
  createPolicy(name: string, rules: { createHTML(text: string): string }): unknown;
}

/**
 * The one policy by which a string may become markup. The kit writes its style sheets that way, and a style sheet has no `<`: whatever
 * has one is refused, so that no text from outside can ever become an element.
 */
export function allowStyleTextOnly(): void {
  const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
  factory?.createPolicy('default', {
    createHTML(text) {
      if (text.includes('<')) throw new TypeError('markup is not allowed');
      return text;
    },
  });
}

/** The nonce of this page's styles, for the kit and for what it builds on. */
export function takeStyleNonce(): string {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
  (globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = nonce;
  return nonce;
}
