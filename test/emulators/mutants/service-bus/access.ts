import { type Mutant, ofRow } from "../mutant.ts";

const OVER_SDK = "test/integration/emulator-service-bus-access.test.ts";
const UNIT = "packages/emulators/src/shared-access/access.test.ts";
const ACCESS = "shared-access/access.ts";
const AUTHORIZE = "service-bus/administration/authorize.ts";

/** What keys open. */
export const ACCESS_RULES: readonly Mutant[] = [
  ...ofRow("authorization rules: what the key of a queue or a topic opens", [
    {
      does: "opens links to every key",
      file: "service-bus/namespace.ts",
      find: `this.demand(request, address, !address.isManagement && request.role === "sender" ? "Send" : "Listen");`,
      replace: "",
      test: OVER_SDK,
      name: "lets its key do what its rights say",
    },
    {
      does: "asks a client of $management for a sender's right",
      file: "service-bus/namespace.ts",
      find: `!address.isManagement && request.role === "sender"`,
      replace: `request.role === "sender"`,
      test: OVER_SDK,
      name: "keeps those who only send",
    },
    {
      does: "looks at no signature",
      file: ACCESS,
      find: "[primaryKey, secondaryKey].some(signature.isSignedWith)",
      replace: "[primaryKey, secondaryKey].some(() => true)",
      test: OVER_SDK,
      name: "has two keys",
    },
    {
      does: "knows the primary key only",
      file: ACCESS,
      find: "[primaryKey, secondaryKey].some",
      replace: "[primaryKey, primaryKey || secondaryKey].some",
      test: OVER_SDK,
      name: "has two keys",
    },
    {
      does: "takes the key of one queue at another",
      file: ACCESS,
      find: "policy.entity === undefined || isSame(policy.entity, entity)",
      replace: "true || isSame(policy.entity!, entity)",
      test: OVER_SDK,
      name: "has two keys",
    },
    {
      does: "forgets what Manage includes",
      file: ACCESS,
      find: `rights.includes("Manage") || wanted.some`,
      replace: "wanted.some",
      test: UNIT,
      name: "is everything for who may manage",
    },
    {
      does: "lets everybody manage",
      file: AUTHORIZE,
      find: "if (!has(verdict.rights, wanted))",
      replace: "if (!has(verdict.rights, wanted) && wanted.length === 0)",
      test: OVER_SDK,
      name: "lets manage with Manage only",
    },
    {
      does: "wants Manage for rules",
      file: AUTHORIZE,
      find: `? ["Listen"] : ["Manage"]`,
      replace: `? ["Manage"] : ["Manage"]`,
      test: OVER_SDK,
      name: "of a topic opens its subscriptions",
    },
    {
      does: "opens with the token of one queue what lies below its name",
      file: ACCESS,
      find: `grant.entity === "" || isSame(grant.entity, entity)`,
      replace: `grant.entity === "" || entity !== ""`,
      test: UNIT,
      name: "below what they are for",
    },
    {
      does: "remembers a token that was refused",
      file: ACCESS,
      find: "if (refused !== undefined) return refused;\n    const own",
      replace: "const own",
      test: UNIT,
      name: "somebody else refuses",
    },
  ]),
  ...ofRow("tokens", [
    {
      does: "refuses keys of any name",
      file: ACCESS,
      find: "if (named.length === 0 && !this.isStrict) return ALL;",
      replace: "",
      test: OVER_SDK,
      name: "does not concern who gives a name that none has",
    },
    {
      does: "lets everyone in beside the policies",
      file: "service-bus/start.ts",
      find: "accessPolicies !== undefined);",
      replace: "false);",
      test: OVER_SDK,
      name: "let in nobody else",
    },
    {
      does: "forgets its own key",
      file: "service-bus/start.ts",
      find: "[ROOT_POLICY, ...accessPolicies]",
      replace: "[...accessPolicies.filter((one) => one !== ROOT_POLICY)]",
      test: OVER_SDK,
      name: "let in nobody else",
    },
    {
      does: "takes a token for what it was not made for",
      file: ACCESS,
      find: "if (!isWithin(path, signature.path))",
      replace: "if (path === signature.path && !isWithin(path, signature.path))",
      test: UNIT,
      name: "does not",
    },
    {
      does: "takes what is no token",
      file: ACCESS,
      find: "isBearer || !this.isStrict ? ALL",
      replace: "isBearer || this.isStrict ? ALL",
      test: UNIT,
      name: "is a bearer's, or malformed",
    },
  ]),
];
