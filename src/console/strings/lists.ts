/** What lists can do: exports, and one action for many rows. */
export const lists = {
  exportCsv: 'Export CSV',
  exportHint: 'Everything that matches, not only this page',
  exported: (name: string) => `${name} was saved.`,
  choose: (name: string) => `Choose ${name}`,
  chooseAll: 'Choose all on this page',
  chosen: (count: string) => `${count} chosen`,
  chooseNone: 'Choose none',
  concerned: (count: number) => (count === 1 ? 'One is concerned:' : `${count} are concerned:`),
  andMore: (count: number) => `and ${count} more`,
  progress: (done: number, all: number) => `${done} of ${all}`,
  result: (done: number, failed: number) => (failed === 0 ? `Done for ${done}.` : `Done for ${done}; not done for ${failed}.`),
  untried: (count: number) => `${count} were not tried any more.`,
  live: 'Live',
  liveHint: 'Changes are shown as they happen.',
} as const;

/** Actions for many connectors or profiles. */
export const bulk = {
  activate: 'Activate',
  activateTitle: 'Activate these?',
  activateText: 'They are in force again at once.',
  deactivate: 'Deactivate',
  deactivateTitle: 'Deactivate these?',
  deactivateText: 'What is inactive answers nobody and issues nothing, from now on.',
  removeTitle: 'Delete these?',
} as const;
