import { ACCESS_RIGHTS, type AccessRight } from "../../shared-access/access-policy.ts";
import type { AuthorizationRule } from "../broker/settings.ts";
import { badRequest } from "./http-problem.ts";
import { asList, child, escapeXml, tag, text } from "./xml.ts";

const isRight = (text: string): text is AccessRight => ACCESS_RIGHTS.some((right) => right === text);

/** Undefined where the description says nothing of rules. Throws a problem. */
export function readAuthorizationRules(description: unknown): readonly AuthorizationRule[] | undefined {
  const element = child(description, "AuthorizationRules");
  if (element === undefined) return undefined;
  return asList(child(element, "AuthorizationRule")).map((rule) => {
    const keyName = text(child(rule, "KeyName"));
    if (keyName === undefined) throw badRequest("An authorization rule needs a key name.");
    const rights = asList(child(child(rule, "Rights"), "AccessRights")).map((right) => text(right) ?? "");
    const wrong = rights.find((right) => !isRight(right));
    if (wrong !== undefined) throw badRequest(`The access right '${wrong}' is not known.`);
    return {
      keyName,
      rights: rights.filter(isRight),
      claimType: text(child(rule, "ClaimType")) ?? "SharedAccessKey",
      claimValue: text(child(rule, "ClaimValue")) ?? "None",
      primaryKey: text(child(rule, "PrimaryKey")) ?? "",
      secondaryKey: text(child(rule, "SecondaryKey")) ?? "",
      createdTime: text(child(rule, "CreatedTime")),
      modifiedTime: text(child(rule, "ModifiedTime")),
    };
  });
}

export function writeAuthorizationRules(rules: readonly AuthorizationRule[]): string {
  const written = rules.map((rule) =>
    tag(
      "AuthorizationRule",
      tag("ClaimType", escapeXml(rule.claimType)) +
        tag("ClaimValue", escapeXml(rule.claimValue)) +
        tag("Rights", rule.rights.map((right) => tag("AccessRights", right)).join("")) +
        tag("CreatedTime", rule.createdTime && escapeXml(rule.createdTime)) +
        tag("ModifiedTime", rule.modifiedTime && escapeXml(rule.modifiedTime)) +
        tag("KeyName", escapeXml(rule.keyName)) +
        tag("PrimaryKey", escapeXml(rule.primaryKey)) +
        tag("SecondaryKey", escapeXml(rule.secondaryKey)),
      { "i:type": "SharedAccessAuthorizationRule" },
    ),
  );
  return tag("AuthorizationRules", written.join(""));
}
