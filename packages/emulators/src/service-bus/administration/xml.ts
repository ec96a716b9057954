import { XMLParser } from "fast-xml-parser";
import { badRequest } from "./http-problem.ts";

/** Text is kept as text; prefixes of names and attributes are dropped; attributes start with `@`. */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  textNodeName: "#text",
  maxNestedTags: 32,
  // Characters by number, which Go writes, and none of HTML's names.
  htmlEntities: {} as unknown as boolean,
});

export type XmlElement = Readonly<Record<string, unknown>>;

/** Throws a problem on anything that is no plain document: no document types, so no entities of the sender's own. */
export function parseXml(text: string): XmlElement {
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw badRequest("A document type is not allowed.");
  try {
    return parser.parse(text, true) as XmlElement;
  } catch {
    throw badRequest("The body is no well-formed XML.");
  }
}

export const child = (element: unknown, name: string): unknown =>
  typeof element === "object" && element !== null && Object.hasOwn(element, name)
    ? (element as XmlElement)[name]
    : undefined;

/** An element's text; undefined when there is none. */
export function text(element: unknown): string | undefined {
  const value = typeof element === "object" && element !== null ? child(element, "#text") : element;
  return value === undefined || value === "" ? undefined : String(value);
}

export const asList = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value];

const NAMED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** By name, never by number: not every client reads numbers. */
export const escapeXml = (value: string): string => value.replace(/[&<>"']/g, (char) => NAMED[char] ?? char);

/** An element; empty attributes and undefined content are left out. */
export function tag(
  name: string,
  content: string | undefined,
  attributes: Readonly<Record<string, string>> = {},
): string {
  if (content === undefined) return "";
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return `<${name}${written.join("")}>${content}</${name}>`;
}
