/**
 * Two tables in the browser's own database: conversations, and their turns. Everybody who signs in here has their own.
 * Where the browser keeps nothing (some private windows), memory does until the page is closed.
 */

/** @typedef {import("./conversations.js").Conversation} Conversation */
/** @typedef {import("./conversations.js").Turn} Turn */

/**
 * @typedef {object} Store
 * @property {boolean} lasting Whether a reload finds it again.
 * @property {() => Promise<Conversation[]>} conversations
 * @property {(conversation: string) => Promise<Turn[]>} turns In the order in which they were asked.
 * @property {(conversation: Conversation) => Promise<void>} putConversation
 * @property {(turn: Turn) => Promise<void>} putTurn
 * @property {(conversation: string) => Promise<void>} remove The conversation with its turns.
 * @property {(matches: (turn: Turn) => boolean) => Promise<Set<string>>} find Conversations with such a turn.
 */

const VERSION = 1;

/** @param {string} owner @returns {Promise<Store>} */
export async function openStore(owner) {
  try {
    return inDatabase(await opened(`groundloop ${owner}`));
  } catch {
    return inMemory();
  }
}

/** @param {string} name @returns {Promise<IDBDatabase>} */
function opened(name) {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(name, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("conversations", { keyPath: "id" });
      asked.result.createObjectStore("turns", { keyPath: "id" }).createIndex("conversation", "conversation");
    };
    asked.onsuccess = () => {
      // A newer page in another tab must be able to change the tables.
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error("blocked"));
  });
}

/** @template T @param {IDBRequest<T>} asked @returns {Promise<T>} */
const got = (asked) =>
  new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

/** @param {IDBTransaction} work @returns {Promise<void>} */
const written = (work) =>
  new Promise((resolve, reject) => {
    work.oncomplete = () => resolve();
    work.onerror = work.onabort = () => reject(work.error);
  });

/** @param {Turn} a @param {Turn} b */
const byTime = (a, b) => a.at - b.at;

/** @param {IDBDatabase} base @returns {Store} */
function inDatabase(base) {
  /** @param {string} table @param {object} row */
  const put = (table, row) => {
    const work = base.transaction(table, "readwrite");
    work.objectStore(table).put(row);
    return written(work);
  };
  return {
    lasting: true,
    conversations: () => got(base.transaction("conversations").objectStore("conversations").getAll()),
    turns: async (conversation) => {
      const index = base.transaction("turns").objectStore("turns").index("conversation");
      return (await got(index.getAll(conversation))).sort(byTime);
    },
    putConversation: (conversation) => put("conversations", conversation),
    putTurn: (turn) => put("turns", turn),
    remove: async (conversation) => {
      const work = base.transaction(["conversations", "turns"], "readwrite");
      work.objectStore("conversations").delete(conversation);
      const turns = work.objectStore("turns");
      const keys = turns.index("conversation").getAllKeys(conversation);
      keys.onsuccess = () => keys.result.forEach((key) => turns.delete(key));
      await written(work);
    },
    find: (matches) =>
      new Promise((resolve, reject) => {
        const found = new Set();
        const asked = base.transaction("turns").objectStore("turns").openCursor();
        asked.onerror = () => reject(asked.error);
        asked.onsuccess = () => {
          const at = asked.result;
          if (!at) return resolve(found);
          if (matches(at.value)) found.add(at.value.conversation);
          at.continue();
        };
      }),
  };
}

/** @returns {Store} */
function inMemory() {
  /** @type {Map<string, Conversation>} */
  const conversations = new Map();
  /** @type {Map<string, Turn>} */
  const turns = new Map();
  return {
    lasting: false,
    conversations: async () => [...conversations.values()],
    turns: async (conversation) => [...turns.values()].filter((one) => one.conversation === conversation).sort(byTime),
    putConversation: async (conversation) => void conversations.set(conversation.id, conversation),
    putTurn: async (turn) => void turns.set(turn.id, turn),
    remove: async (conversation) => {
      conversations.delete(conversation);
      for (const turn of turns.values()) if (turn.conversation === conversation) turns.delete(turn.id);
    },
    find: async (matches) => new Set([...turns.values()].filter(matches).map((turn) => turn.conversation)),
  };
}
