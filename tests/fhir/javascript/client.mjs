// fhir-kit-client against a server: metadata, search with paging, read, upload, summary; one JSON line of what it got.
import { Client } from "fhir-kit-client";

const [base, token, patient] = process.argv.slice(2);
const client = new Client({ baseUrl: base, bearerToken: token });
const told = await client.capabilityStatement();

let page = await client.search({ resourceType: "DocumentReference", searchParams: { patient, _count: 1 } });
const first = page.entry[0].resource.id;
let pages = 1;
while (page.link.some((one) => one.relation === "next")) {
  page = await client.nextPage({ bundle: page });
  pages += 1;
}
const read = await client.read({ resourceType: "DocumentReference", id: first });

const data = Buffer.from("Compte rendu envoyé par le client JavaScript.").toString("base64");
const document = {
  resourceType: "DocumentReference",
  status: "current",
  subject: { reference: `Patient/${patient}` },
  content: [{ attachment: { contentType: "text/plain", url: "urn:uuid:b", title: "JavaScript" } }],
};
const entry = (fullUrl, resource) => ({ fullUrl, resource, request: { method: "POST", url: resource.resourceType } });
const body = {
  resourceType: "Bundle",
  type: "transaction",
  entry: [
    entry("urn:uuid:d", document),
    entry("urn:uuid:b", { resourceType: "Binary", contentType: "text/plain", data }),
  ],
};
const kept = await client.transaction({ body });
const summary = await client.operation({ name: "$summary", resourceType: "Patient", id: patient, method: "get" });
console.log(
  JSON.stringify({
    version: told.fhirVersion,
    pages,
    read: read.id,
    uploaded: kept.entry[0].response.location,
    sections: summary.entry[0].resource.section.length,
  }),
);
