export const tab = 9;
export const lf = 10;
export const cr = 13;
export const space = 32;
export const colon = 58;
export const semicolon = 59;

/** One entry for each byte: 1 where it belongs to the class. */
type CharacterClass = Uint8Array;

function characterClass(includes: (code: number) => boolean): CharacterClass {
  return Uint8Array.from({ length: 256 }, (_, code) => (includes(code) ? 1 : 0));
}

/** What methods and header names are made of (`token`, RFC 9110 5.6.2). */
export const isTokenCode = characterClass((code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)),
);

/** What a header's value may hold: no control character but the tab. */
export const isValueCode = characterClass(
  (code) => code === tab || (code >= space && code !== 127),
);

/** What a request target may hold: visible ASCII, and no `#`, which never goes over the wire. */
export const isTargetCode = characterClass(
  (code) => code > space && code < 127 && code !== 35 /* # */,
);
