import { randomBytes } from 'node:crypto';

/** Stands in the built page where the nonce of its styles goes. */
const placeholder = '__STYLE_NONCE__';

/**
 * What a page of the console may do: run the scripts that were built with it and nothing else, talk to its own listener, and be in
 * nobody's frame. The kit writes style elements of its own, and these carry the nonce. Strings become markup only through the one
 * narrow policy of the console (Trusted Types), which lets no markup through.
 */
function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types default',
  ].join('; ');
}

export const fileHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** The page with a nonce of its own, and the headers that go with it. */
export function renderPage(page: string): { readonly html: string; readonly headers: Readonly<Record<string, string>> } {
  const nonce = randomBytes(18).toString('base64url');
  const headers = {
    ...fileHeaders,
    'content-security-policy': contentSecurityPolicy(nonce),
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'cache-control': 'no-store',
  };
  return { html: page.replaceAll(placeholder, nonce), headers };
}
