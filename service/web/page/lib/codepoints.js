/** The service counts characters (code points); JavaScript counts UTF-16 units, two for a character beyond the first plane. */

/**
 * @param {string} text
 * @param {number} points
 * @param {number} [from] Units at which the counting starts.
 * @returns {number} The index in units of the character that many characters after `from`; the end where there are fewer.
 */
export function unitsOf(text, points, from = 0) {
  let at = from;
  for (let left = points; left > 0 && at < text.length; left -= 1) {
    const unit = text.charCodeAt(at);
    const pair = unit >= 0xd800 && unit <= 0xdbff && at + 1 < text.length && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    at += pair ? 2 : 1;
  }
  return at;
}

/** @param {string} text @param {number} start @param {number} end In code points. @returns {[number, number]} In units. */
export function unitRange(text, start, end) {
  const first = unitsOf(text, start);
  return [first, unitsOf(text, end - start, first)];
}
