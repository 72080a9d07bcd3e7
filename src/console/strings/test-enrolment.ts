export const testEnrolment = {
  title: 'Test enrolment',
  text: 'The server plays a device: it enrols with a key, a name and a secret made for it. The order and its certificate stay.',
  start: 'Test enrolment',
  subject: 'Subject',
  subjectHint: 'Empty: a fresh common name. Fill it in where the policy wants a certain one.',
  subjectExample: 'CN=device-1,O=Example',
  sans: 'Host names and addresses',
  sansHint: 'Subject alternative names to ask for; Enter after each.',
  running: 'A device is enrolling …',
  outcomes: {
    issued: 'The device has its certificate',
    pending: 'The order waits; the profile works',
    refused: 'The device was refused',
    failed: 'The device got no answer that it can use',
    impossible: 'No device can be played here',
  },
  toOrder: 'To the order',
} as const;
