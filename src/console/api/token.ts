/** The API token somebody logged in with lives as long as the browser's tab, and never in a URL or in storage that outlasts it. */
const key = 'gatehouse.token';

export function currentToken(): string | undefined {
  return sessionStorage.getItem(key) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(key, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(key);
}
