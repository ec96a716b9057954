/** What a transport header is to the codec: an attribute's name, or one of the marks below. */
export type HeaderRole = string;

/** No business of ours. */
export const FOREIGN_HEADER: HeaderRole = "-";
export const CONTENT_TYPE_HEADER: HeaderRole = "content-type";
/** Begins like an attribute, but CloudEvents forbids the rest of its name. */
export const BROKEN_ATTRIBUTE_HEADER: HeaderRole = "!";
/** Stands before the names that are ours: `#wbattempt`. */
export const OWN_HEADER = "#";

/** True for what CloudEvents allows as an attribute's name: a-z and 0-9, and not `data`. */
export function isAttributeName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (!((c >= 97 && c <= 122) || (c >= 48 && c <= 57))) return false;
  }
  return name !== "" && name !== "data";
}

const CONTEXT = new Set(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"]);

/** True for the attributes of CloudEvents itself, which are always text; all others are extensions. */
export function isContextAttribute(name: string): boolean {
  return CONTEXT.has(name);
}

/** Header names come from foreign producers too: the cache must not grow with what they think up. */
const MAX_CACHED = 1024;
const roles = new Map<string, HeaderRole>();

/** The role of a header, whatever the case of its name. */
export function headerRole(header: string): HeaderRole {
  let role = roles.get(header);
  if (role === undefined) {
    if (roles.size >= MAX_CACHED) roles.clear();
    role = findRole(header.toLowerCase());
    roles.set(header, role);
  }
  return role;
}

function findRole(header: string): HeaderRole {
  if (header === "content-type") return CONTENT_TYPE_HEADER;
  const prefix = ["ce_", "cloudevents_", "cloudevents:"].find((one) => header.startsWith(one));
  if (prefix !== undefined) {
    const name = header.slice(prefix.length);
    return isAttributeName(name) ? name : BROKEN_ATTRIBUTE_HEADER;
  }
  return header.startsWith("wb") ? OWN_HEADER + header : FOREIGN_HEADER;
}

const headers = new Map<string, string>();

/** The header that carries an attribute; joined once per name, as a joined string is slow to use as a property name. */
export function attributeHeader(name: string): string {
  let header = headers.get(name);
  if (header === undefined) {
    if (headers.size >= MAX_CACHED) headers.clear();
    header = `ce_${name}`;
    headers.set(name, header);
  }
  return header;
}
