import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.r4.model.Binary;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.Composition;
import org.hl7.fhir.r4.model.DocumentReference;
import org.hl7.fhir.r4.model.Enumerations;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Reference;

/** HAPI's client against a server: metadata, search with paging, read, upload, summary; one JSON line of what it got. */
public class Client {
    public static void main(String[] args) {
        String base = args[0], token = args[1], patient = args[2];
        FhirContext context = FhirContext.forR4();
        context.getRestfulClientFactory().setSocketTimeout(120_000);
        IGenericClient client = context.newRestfulGenericClient(base);
        client.registerInterceptor(new BearerTokenAuthInterceptor(token));
        CapabilityStatement told = client.capabilities().ofType(CapabilityStatement.class).execute();

        Bundle page = client.search().forResource(DocumentReference.class)
            .where(DocumentReference.PATIENT.hasId(patient)).count(1).returnBundle(Bundle.class).execute();
        String first = page.getEntryFirstRep().getResource().getIdElement().getIdPart();
        int pages = 1;
        while (page.getLink(Bundle.LINK_NEXT) != null) {
            page = client.loadPage().next(page).execute();
            pages++;
        }
        DocumentReference read = client.read().resource(DocumentReference.class).withId(first).execute();

        Bundle sent = new Bundle().setType(Bundle.BundleType.TRANSACTION);
        DocumentReference document = new DocumentReference();
        document.setStatus(Enumerations.DocumentReferenceStatus.CURRENT).setSubject(new Reference("Patient/" + patient));
        document.addContent().getAttachment().setContentType("text/plain").setUrl("urn:uuid:b").setTitle("Java");
        Binary bytes = new Binary();
        bytes.setContentType("text/plain");
        bytes.setData("Compte rendu envoyé par le client de HAPI.".getBytes(StandardCharsets.UTF_8));
        sent.addEntry().setFullUrl("urn:uuid:d").setResource(document).getRequest()
            .setMethod(Bundle.HTTPVerb.POST).setUrl("DocumentReference");
        sent.addEntry().setFullUrl("urn:uuid:b").setResource(bytes).getRequest()
            .setMethod(Bundle.HTTPVerb.POST).setUrl("Binary");
        Bundle kept = client.transaction().withBundle(sent).execute();

        Bundle summary = client.operation().onInstance(new IdType("Patient", patient)).named("$summary")
            .withNoParameters(Parameters.class).returnResourceType(Bundle.class).execute();
        Composition composition = (Composition) summary.getEntryFirstRep().getResource();
        System.out.printf(
            "{\"version\": \"%s\", \"pages\": %d, \"read\": \"%s\", \"uploaded\": \"%s\", \"sections\": %d}%n",
            told.getFhirVersion().toCode(), pages, read.getIdElement().getIdPart(),
            kept.getEntryFirstRep().getResponse().getLocation(), composition.getSection().size());
    }
}
