/** Why the store could not be opened. Nothing was changed in any of these cases. */
export type StoreFault =
  | { readonly kind: 'directory-unusable'; readonly directory: string; readonly reason: string }
  | { readonly kind: 'directory-locked'; readonly directory: string; readonly lockFile: string; readonly holder: string }
  | { readonly kind: 'database-unreachable'; readonly reason: string }
  | { readonly kind: 'schema-newer'; readonly migration: string }
  | { readonly kind: 'not-prepared'; readonly missing: string }
  | { readonly kind: 'wrong-master-key' }
  | { readonly kind: 'key-rotation-unfinished' };

/** The fault in words for the operator; no secrets, no credentials of the database. */
export function describeStoreFault(fault: StoreFault): string {
  switch (fault.kind) {
    case 'directory-unusable':
      return `The data directory ${fault.directory} cannot be used: ${fault.reason}.`;
    case 'directory-locked':
      return `The database in ${fault.directory} is in use by ${fault.holder}. If that no longer runs, delete ${fault.lockFile}.`;
    case 'database-unreachable':
      return `The database cannot be reached: ${fault.reason}.`;
    case 'schema-newer':
      return `The database was written by a newer Gatehouse (it has ${fault.migration}); start that one, or restore a backup from before.`;
    case 'not-prepared':
      return `The database lacks ${fault.missing}, and a node that only serves devices makes nothing there: run "gatehouse migrate" as its owner, or start a node with other roles first.`;
    case 'key-rotation-unfinished':
      return 'The change of the master key was begun and not finished. Run "gatehouse secret rotate" again with the same two keys; where nodes serve meanwhile, give this one both (docs/operations.md).';
    case 'wrong-master-key':
      return 'The master key is not the one this database was made with; nothing in it could be opened. Give this node the first one with GATEHOUSE_MASTER_KEY_FILE.';
  }
}
