import type { User } from './user.js';

export const passwordLength = { least: 12, most: 256 } as const;

/** What is wrong with a new password, in words; undefined when nothing is. Length counts, not signs (NIST SP 800-63B section 3.1.1.2). */
export function passwordFault(password: string, user: Pick<User, 'username' | 'displayName' | 'email'>): string | undefined {
  const characters = [...password.normalize('NFKC')];
  if (characters.length < passwordLength.least) return `Must have at least ${passwordLength.least} characters`;
  if (characters.length > passwordLength.most) return `Must have at most ${passwordLength.most} characters`;
  if (new Set(characters).size < 5) return 'Must have at least five different characters';
  const text = characters.join('').toLowerCase();
  return ownWords(user).some((word) => text.includes(word)) ? 'Must not contain your own name, nor that of this server' : undefined;
}

/** Parts of less than four letters stand in many words by chance. */
function ownWords({ username, displayName, email }: Pick<User, 'username' | 'displayName' | 'email'>): readonly string[] {
  const names = [username, email ?? '', displayName].flatMap((name) => [name.split('@')[0] ?? '', ...name.split(/[^\p{L}\p{N}]+/u)]);
  return [...names, 'gatehouse'].map((name) => name.normalize('NFKC').toLowerCase()).filter((name) => name.length >= 4);
}
