/** Who a version is for, in words. */
import { strings } from "./strings.js";

/** @param {string} scope As the service calls it: `shared`, `segment:<name>` or `collection:<id>`. @returns {string} */
export function scopeName(scope) {
  const words = strings.console.scopes;
  const [kind, ...rest] = scope.split(":");
  const name = rest.join(":");
  if (kind === "segment") return words.segment(name);
  if (kind === "collection") return words.collection(name);
  return kind === "shared" ? words.shared : scope;
}
