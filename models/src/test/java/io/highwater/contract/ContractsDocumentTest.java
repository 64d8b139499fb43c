package io.highwater.contract;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasSize;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What docs/contracts.md shows is true. */
class ContractsDocumentTest {
  private static final Path DOCUMENT = Path.of("..", "docs", "contracts.md");

  private static String example() throws IOException {
    String document = Files.readString(DOCUMENT);
    int start = document.indexOf("```yaml\n") + "```yaml\n".length();
    return document.substring(start, document.indexOf("```", start));
  }

  @Test
  void theExampleLoads() throws IOException, InvalidContractException {
    Contract contract = ContractLoader.parse("card-payments.yaml", example());

    assertThat(contract.id(), equalTo("card-payments"));
    assertThat(contract.derived().get(0).sql(), equalTo("amount >= 5000"));
    assertThat(
        contract.rollUp().measures().stream().map(Measure::name).toList(),
        contains("payments", "refused", "large", "turnover"));
  }

  @Test
  void theErrorsAreAsShown() throws IOException {
    String document = Files.readString(DOCUMENT);
    String broken =
        example().replace("PT5M, PT1H", "PT5M, PT7M").replace("${large_amount}", "random()");

    InvalidContractException e =
        assertThrows(
            InvalidContractException.class,
            () -> ContractLoader.parse("card-payments.yaml", broken));

    assertThat(e.problems(), hasSize(2));
    for (String problem : e.problems()) {
      assertThat(document, containsString("    " + problem + "\n"));
    }
  }
}
