/** Every word the page says, in one place. A function where something is put in. */

export const strings = {
  product: "Groundloop",
  skip: "Skip to content",
  close: "Close",
  cancel: "Cancel",
  again: "Try again",
  loading: "Loading",
  nothing: "Nothing here yet.",
  more: "Show more",
  typeIt: (/** @type {string} */ what) => `Type ${what} to go on`,
  unreachable: "The service does not answer. Is it running?",
  retryIn: (/** @type {number} */ s) => `Try again in ${s} s.`,
  table: {
    sortBy: "Sort by",
    asGiven: "as listed",
    up: (/** @type {string} */ column) => `${column}, up`,
    down: (/** @type {string} */ column) => `${column}, down`,
  },
  signIn: {
    title: "Sign in",
    intro: "Paste your key, or open the link that the service printed when it started.",
    key: "Key",
    button: "Sign in",
    wrong: "That key is unknown, has ended or was revoked.",
    spent: "That link was used already, or is too old. Paste your key instead, or start a new link with: groundloop link",
  },
  frame: {
    chat: "Ask",
    console: "Console",
    signOut: "Sign out",
    theme: "Theme",
    themes: { auto: "As the system", light: "Light", dark: "Dark" },
  },
  console: {
    screens: {
      overview: "Overview",
      documents: "Documents",
      jobs: "Jobs",
      feedback: "Feedback",
      cycles: "Cycles",
      versions: "Versions",
      evaluation: "Evaluation",
      keys: "Keys",
      settings: "Settings",
    },
  },
};
