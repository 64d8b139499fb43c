package io.highwater.contract;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.startsWith;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ContractLoaderTest {
  private static String payments() {
    try (InputStream in = ContractLoaderTest.class.getResourceAsStream("payments.yaml")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> problemsOf(String yaml) {
    return assertThrows(
            InvalidContractException.class, () -> ContractLoader.parse("payments.yaml", yaml))
        .problems();
  }

  @Test
  void readsEveryPart() throws InvalidContractException {
    Contract contract = ContractLoader.parse("payments.yaml", payments());

    assertThat(
        contract,
        equalTo(
            new Contract(
                "payments",
                "1.0.0",
                "paid_at",
                Duration.ofSeconds(5),
                List.of("payment_id"),
                List.of(
                    new Field(
                        "payment_id", FieldType.INTEGER, true, null, null, null, List.of(), null),
                    new Field(
                        "paid_at", FieldType.TIMESTAMP, true, null, null, null, List.of(), null),
                    new Field("amount", FieldType.NUMBER, false, 0.0, 1000.0, null, List.of(), 0.0),
                    new Field(
                        "currency",
                        FieldType.STRING,
                        false,
                        null,
                        null,
                        3,
                        List.of("EUR", "USD"),
                        null),
                    new Field(
                        "refunded", FieldType.BOOLEAN, false, null, null, null, List.of(), null)),
                List.of(new DerivedColumn("is_large", FieldType.BOOLEAN, "amount > 500")),
                List.of(
                    new RowRule(
                        "refund_has_amount",
                        "NOT refunded OR amount > 0",
                        "A refund without an amount.")),
                new RollUp(
                    List.of(Duration.ofMinutes(10), Duration.ofHours(1)),
                    List.of("currency"),
                    List.of(
                        new Measure("payments", Measure.Function.COUNT, null, null),
                        new Measure("total", Measure.Function.SUM, "amount", null),
                        new Measure(
                            "large",
                            Measure.Function.COUNT,
                            null,
                            new Measure.Condition("is_large", null)))))));
  }

  /**
   * Each row breaks the contract in one place: the text, what stands in its place (@ is a new line
   * of the roll-ups), the report.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "apiVersion: v3.1.0|apiVersion: v2|1:13: 'apiVersion' of the contract, found v2, expected v3.1.0",
        "version: 1.0.0|version: 1.0|4:10: 'version' of the contract, found 1.0, expected text, in quotes",
        "id: payments|id: a/b|3:5: 'id' of the contract, found a/b, expected letters",
        "status: active|nostatus: x|5:1: unknown key of the contract, found nostatus, expected one of",
        "status: active|slaDefaultElement: x|5:1: key of the contract, found slaDefaultElement, expected to be left out: it is not supported yet",
        "status: active|status:|1:1: 'status' of the contract, found nothing, expected text",
        "name: payment_id|name: _id|9:15: column name, found _id, expected a name that Highwater does not use itself",
        "name: payment_id|name: ratio|9:15: column name, found ratio, expected a name that Highwater does not use itself",
        "name: payment_id|name: a b|9:15: column name, found a b, expected a letter",
        "name: amount|name: Paid_At|16:15: column name, found Paid_At, expected each name once, whatever its case, as in SQL",
        "logicalType: boolean|logicalType: object|25:22: 'logicalType' of field 'refunded', found object, expected one of integer, number, boolean, string, timestamp; object is not supported yet",
        "logicalType: boolean|logicalType: text|25:22: 'logicalType' of field 'refunded', found text, expected one of integer, number, boolean, string, timestamp",
        "required: true|required: 1|11:19: 'required' of field 'payment_id', found 1, expected true or false",
        "primaryKey: true|unique: true|12:9: key of field 'payment_id', found unique, expected to be left out: it is not supported yet",
        "primaryKey: true|primaryKey: false|9:7: key, found nothing, expected at least one field with primaryKey: true",
        "minimum: 0,|minimum: 2000,|18:39: minimum of field 'amount', found 2000, expected at most the maximum",
        "minimum: 0,|minimum: .nan,|18:39: minimum of field 'amount', found .nan, expected a finite number",
        "minimum: 0,|pattern: x,|18:30: key of logicalTypeOptions of field 'amount', found pattern, expected to be left out",
        "maxLength: 3|maxLength: 0|22:41: 'maxLength' of logicalTypeOptions of field 'currency', found 0, expected a whole number from 1 to",
        "maxLength: 3|maximum: 3|22:39: maximum of field 'currency', found a maximum on type string, expected it only on type integer or number",
        "nullAs, value: 0|nullAs, value: -1|19:54: nullAs of field 'amount', found -1, expected a number between minimum and maximum",
        "nullAs, value: 0|nullIs, value: 0|19:39: unknown custom property of field 'amount', found nullIs, expected one of nullAs, allowedValues",
        "[EUR, USD]|[EUR, EUR]|23:61: allowedValues of field 'currency', found a value twice, expected a list of different values",
        "[EUR, USD]|EUR|23:61: allowedValues of field 'currency', found EUR, expected a list",
        "type: custom|type: sql|27:15: 'type' of quality rule 'refund_has_amount', found sql, expected custom",
        "value: paid_at|value: paid|34:12: eventTime, found paid, expected a field of the schema: payment_id, paid_at, amount, currency, refunded",
        "value: paid_at|value: amount|34:12: eventTime, found amount, a field of type number, expected a timestamp field",
        "value: PT5S|value: 5s|36:12: outOfOrderBound, found 5s, expected an ISO 8601 duration",
        "value: PT5S|value: -PT5S|36:12: outOfOrderBound, found -PT5S, expected an ISO 8601 duration from PT0S to P31D, such as PT10S",
        "value: 500|value: many|39:30: 'value' of parameter 'large', found many, expected a finite number",
        "`, source: \"The limit above which payments are called back.\"`|``|39:9: 'source' of parameter 'large', found nothing, expected text",
        "${large}|${huge}|42:46: parameter in 'sql' of derived column 'is_large', found ${huge}, expected one of large",
        "${large}|now()|42:46: 'sql' of derived column 'is_large', found amount > now(), expected a row-level, deterministic SQL expression: the function now does not always give the same result for the same row",
        "amount > ${large}|amount >|42:46: 'sql' of derived column 'is_large', found amount >, expected a row-level, deterministic SQL expression: syntax error",
        "amount > ${large}|amount + 1|42:46: 'sql' of derived column 'is_large', found amount + 1, expected a row-level, deterministic SQL expression: its type is DOUBLE, which is no boolean (BOOLEAN)",
        "NOT refunded OR amount > 0|NOT refund|31:25: 'implementation' of quality rule 'refund_has_amount', found NOT refund, expected a row-level, deterministic SQL expression: no field is named refund",
        "name: is_large|name: amount|42:16: column name, found amount, expected each name once",
        "[PT10M, PT1H]|[PT10M, PT25M]|45:24: a window of rollUps, found PT25M, expected a multiple of the first window, PT10M",
        "[PT10M, PT1H]|[PT10M, PT10M]|45:24: a window of rollUps, found PT10M, expected a longer one than the window before it",
        "[PT10M, PT1H]|[]|45:16: 'windows' of rollUps, found an empty list, expected at least one item",
        "keys: [currency]|keys: [country]|46:14: a key of rollUps, found country, expected a field or a derived column of the contract",
        "keys: [currency]|keys: [amount]|46:14: a key of rollUps, found amount, a column of type number, expected one of type integer or string or boolean",
        "name: total|name: is_final|49:11: name of a measure, found is_final, expected a name that the roll-ups table does not use itself",
        "name: total|name: Payments|49:11: name of a measure, found Payments, expected each name once in the roll-ups table",
        "function: sum|function: mean|49:35: 'function' of measure 'total', found mean, expected one of count, sum, min, max, last, quantile, distinct, top, correlation",
        "column: amount}|column: currency}|49:48: 'column' of measure 'total', found currency, a column of type string, expected one of type integer or number",
        "function: sum, column: amount|function: quantile, column: amount|49:11: 'at' of measure 'total', found nothing, expected the quantile, such as 0.95",
        "function: sum, column: amount|function: quantile, at: 95, column: amount|49:49: 'at' of measure 'total', found 95, expected a number above 0 and below 1",
        "function: sum, column: amount|function: quantile, at: 0.5, column: currency|49:62: 'column' of measure 'total', found currency, a column of type string, expected one of type integer or number",
        "function: sum, column: amount|function: sum, at: 0.5, column: amount|49:44: 'at' of measure 'total', found 0.5, expected nothing, as sum takes none",
        "function: sum, column: amount|function: top, k: 0, column: currency|49:43: 'k' of measure 'total', found 0, expected a whole number from 1 to",
        "function: sum, column: amount|function: top, k: 101, column: currency|49:43: 'k' of measure 'total', found 101, expected a whole number from 1 to 100",
        "function: sum, column: amount|function: top, column: amount|49:48: 'column' of measure 'total', found amount, a column of type number, expected one of type integer or string",
        "function: sum, column: amount|function: top, column: payment_id, separator: ';'|49:71: 'separator' of measure 'total', found ;, expected nothing, as payment_id is not a string",
        "function: sum, column: amount|function: distinct, column: colour|49:53: 'column' of measure 'total', found colour, expected a field or a derived column of the contract",
        "function: sum, column: amount|function: correlation, column: amount|49:11: 'with' of measure 'total', found nothing, expected the column to correlate with",
        "function: sum, column: amount|function: correlation, column: amount, with: currency|49:70: 'with' of measure 'total', found currency, a column of type string, expected one of type integer or number",
        "function: sum, column: amount|function: sum, column: amount, by: payment_id|49:60: 'by' of measure 'total', found payment_id, a column of type integer, expected one of type string or boolean",
        "large, function: count, where: {column: is_large}}|large, function: count}@scores: [{name: s, column: payments, per: payments}]|51:34: 'column' of score 's', found payments, expected a sum among the measures",
        "large, function: count, where: {column: is_large}}|large, function: count}@scores: [{name: s, column: total, per: total}]|51:46: 'per' of score 's', found total, expected a count among the measures",
        "large, function: count, where: {column: is_large}}|large, function: count}@scores: [{name: total, column: total, per: payments}]|51:16: name of a score, found total, expected each name once in the roll-ups table",
        "large, function: count, where: {column: is_large}}|large, function: count}@derivedColumns: [{name: d, type: number, sql: amount / 2}]|51:53: 'sql' of derived column 'd', found amount / 2, expected a row-level, deterministic SQL expression: no field is named amount: expressions see fields alone",
        "column: is_large}|column: currency}|50:58: 'column' in 'where' of measure 'large', found currency, a column of type string, expected one of type boolean",
      })
  void reportsWhereAndWhatWasExpected(String text, String replacement, String problem) {
    String yaml = payments();
    assertThat(yaml, containsString(text));
    int at = yaml.indexOf(text);
    String broken =
        yaml.substring(0, at)
            + (replacement == null ? "" : replacement.replace("@", "\n      "))
            + yaml.substring(at + text.length());

    assertThat(problemsOf(broken), hasItem(startsWith("payments.yaml:" + problem)));
  }

  private static String withDetector() {
    return payments()
        + """
          - property: detector
            value:
              target: amount
              subject: [currency, payment_id]
              neverFlagged: [refunded]
              alertBudget: 0.01
              features:
                - {name: id, function: value, column: payment_id}
                - {name: currency, function: category, column: currency}
                - {name: codes, function: listLength, column: currency, separator: ";"}
                - {name: hour, function: hourOfDay}
                - {name: usual, function: usualMedian}
              shapeFeatures: [id]
              context: [is_large]
        """;
  }

  @Test
  void readsTheDetector() throws InvalidContractException {
    assertThat(
        ContractLoader.parse("payments.yaml", withDetector()).detector(),
        equalTo(
            new Detector(
                "amount",
                null,
                List.of("currency", "payment_id"),
                List.of(),
                List.of("refunded"),
                0,
                0.01,
                List.of(
                    new Feature("id", Feature.Function.VALUE, "payment_id", null),
                    new Feature("currency", Feature.Function.CATEGORY, "currency", null),
                    new Feature("codes", Feature.Function.LIST_LENGTH, "currency", ";"),
                    new Feature("hour", Feature.Function.HOUR_OF_DAY, null, null),
                    new Feature("usual", Feature.Function.USUAL_MEDIAN, null, null)),
                List.of("id"),
                List.of("is_large"))));
  }

  @Test
  void aDetectorHasDefaults() throws InvalidContractException {
    String yaml = withDetector();
    String least =
        yaml.replace("      alertBudget: 0.01\n", "")
            .replace("      neverFlagged: [refunded]\n", "")
            .replace("      shapeFeatures: [id]\n", "")
            .replace("      context: [is_large]\n", "");

    Detector detector =
        Objects.requireNonNull(ContractLoader.parse("payments.yaml", least).detector());

    assertThat(detector.alertBudget(), equalTo(0.001));
    assertThat(detector.neverFlagged(), equalTo(List.of()));
    assertThat(ContractLoader.parse("payments.yaml", payments()).detector(), equalTo(null));
  }

  /** As {@link #reportsWhereAndWhatWasExpected}, of the detector. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "target: amount|target: cost|53:15: 'target' of detector, found cost, expected a field or a derived column of the contract",
        "target: amount|target: currency|53:15: 'target' of detector, found currency, a column of type string, expected one of type integer or number",
        "target: amount|aim: amount|53:7: unknown key of detector, found aim, expected one of target, knownPart, subject",
        "target: amount|context: []|53:7: 'target' of detector, found nothing, expected the column to predict",
        "neverFlagged: [refunded]|knownPart: amount|55:18: 'knownPart' of detector, found amount, expected another column than the target",
        "neverFlagged: [refunded]|knownPart: currency|55:18: 'knownPart' of detector, found currency, a column of type string, expected one of type integer or number",
        "subject: [currency, payment_id]|subject: []|54:16: 'subject' of detector, found an empty list, expected at least one item",
        "subject: [currency, payment_id]|subject: [currency, currency]|54:27: an item of 'subject' of detector, found currency, expected each column once",
        "subject: [currency, payment_id]|subject: [amount]|54:17: an item of 'subject' of detector, found amount, a column of type number, expected one of type integer or string or boolean",
        "neverFlagged: [refunded]|neverFlagged: [amount]|55:22: an item of 'neverFlagged' of detector, found amount, a column of type number, expected one of type boolean",
        "neverFlagged: [refunded]|minimumTarget: -1|55:22: 'minimumTarget' of detector, found -1, expected 0 or more",
        "alertBudget: 0.01|alertBudget: 1|56:20: 'alertBudget' of detector, found 1, expected a share above 0 and up to 0.5, such as 0.001",
        "function: value, column: payment_id|function: mean, column: payment_id|58:32: 'function' of feature 'id', found mean, expected one of value, log1p, isNull, isZero, isPresent, listLength, category, hourOfDay",
        "function: value, column: payment_id|function: value|58:11: 'column' of feature 'id', found nothing, expected the column that it is made of",
        "function: value, column: payment_id|function: value, column: amount|58:47: 'column' of feature 'id', found amount, expected another column than the target, which is to be predicted",
        "function: value, column: payment_id|function: log1p, column: refunded|58:47: 'column' of feature 'id', found refunded, a column of type boolean, expected one of type integer or number",
        "function: value, column: payment_id|function: value, column: payment_id, separator: x|58:70: 'separator' of feature 'id', found x, expected nothing, as value takes none",
        "function: category, column: currency|function: category, column: refunded|59:56: 'column' of feature 'currency', found refunded, a column of type boolean, expected one of type string",
        "`separator: \";\"`|`separator: \"--\"`|60:76: 'separator' of feature 'codes', found --, expected one ASCII character",
        "name: hour, function: hourOfDay|name: hour, function: hourOfDay, column: paid_at|61:53: 'column' of feature 'hour', found paid_at, expected nothing, as hourOfDay takes none",
        "name: usual, function: usualMedian|name: hour, function: usualMedian|62:11: name of a feature, found hour, expected each name once",
        "shapeFeatures: [id]|shapeFeatures: [ids]|63:23: an item of 'shapeFeatures' of detector, found ids, expected the name of one of its features",
        "context: [is_large]|context: [is_small]|64:17: an item of 'context' of detector, found is_small, expected a field or a derived column of the contract",
      })
  void reportsWhatIsWrongWithADetector(String text, String replacement, String problem) {
    String yaml = withDetector();
    int at = yaml.lastIndexOf(text);
    assertThat(text, at >= 0);
    String broken = yaml.substring(0, at) + replacement + yaml.substring(at + text.length());

    assertThat(problemsOf(broken), hasItem(startsWith("payments.yaml:" + problem)));
  }

  @Test
  void reportsAllProblemsInTheOrderOfTheFile() {
    String yaml =
        payments()
            .replace("status: active", "status: active\nowner: me")
            .replace("logicalType: boolean", "logicalType: array")
            .replace("minimum: 0", "minimum: 2000")
            .replace("value: PT5S", "value: soon")
            .replace("amount > ${large}", "amount > random()")
            .replace("keys: [currency]", "keys: [region]");

    assertThat(
        problemsOf(yaml),
        contains(
            startsWith("payments.yaml:6:1: unknown key of the contract, found owner"),
            startsWith("payments.yaml:19:39: minimum of field 'amount', found 2000"),
            startsWith("payments.yaml:20:54: nullAs of field 'amount', found 0"),
            startsWith("payments.yaml:26:22: 'logicalType' of field 'refunded', found array"),
            startsWith("payments.yaml:37:12: outOfOrderBound, found soon"),
            startsWith("payments.yaml:43:46: 'sql' of derived column 'is_large'"),
            startsWith("payments.yaml:47:14: a key of rollUps, found region")));
  }

  @Test
  void aKeyOfSeveralFieldsNeedsPositions() {
    String yaml =
        payments()
            .replace("logicalType: boolean", "logicalType: boolean\n        primaryKey: true");

    assertThat(
        problemsOf(yaml),
        contains(
            startsWith(
                "payments.yaml:9:9: primaryKeyPosition of field 'payment_id', found nothing"),
            startsWith(
                "payments.yaml:24:9: 'required' of field 'refunded', found nothing or false"),
            startsWith(
                "payments.yaml:24:9: primaryKeyPosition of field 'refunded', found nothing")));
  }

  @Test
  void aRepeatedKeyIsAProblem() {
    assertThat(
        problemsOf(payments().replace("status: active", "status: active\nstatus: draft")),
        contains("payments.yaml:6:1: key of the contract, found status, expected each key once"));
  }

  @Test
  void reportsWhereTheYamlEnds() {
    assertThat(
        problemsOf("id: [a\nkind: b\n"), contains(startsWith("payments.yaml:2:5: not YAML: ")));
  }

  @Test
  void anEmptyFileIsAProblem() {
    assertThat(
        problemsOf("# nothing\n"),
        contains("payments.yaml:1:1: the file, found nothing, expected a data contract"));
  }

  @Test
  void negativeParametersDoNotBecomeComments() throws InvalidContractException {
    Contract contract =
        ContractLoader.parse(
            "payments.yaml",
            payments()
                .replace("value: 500", "value: -5.0e2")
                .replace("amount > ${", "amount -${")
                .replace("type: boolean, sql", "type: number, sql")
                .replace("- {name: large, function: count, where: {column: is_large}}", ""));

    assertThat(contract.derived(), hasSize(1));
    assertThat(contract.derived().get(0).sql(), equalTo("amount -(-500)"));
  }

  @Test
  void loadsAFile(@TempDir Path folder) throws IOException, InvalidContractException {
    Path file = Files.writeString(folder.resolve("mine.yaml"), payments());

    assertThat(ContractLoader.load(file.toString()).id(), equalTo("payments"));
  }

  @Test
  void anUnknownNameListsTheBuiltInOnes() {
    InvalidContractException e =
        assertThrows(InvalidContractException.class, () -> ContractLoader.load("warehouse-querys"));

    assertThat(
        e.getMessage(),
        equalTo(
            "warehouse-querys: no such file and no built-in contract of that name, expected a YAML"
                + " file or one of warehouse-queries"));
  }

  @Test
  void aFileThatIsNotUtf8IsAProblem(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("latin.yaml"), new byte[] {'i', 'd', ':', (byte) 0xE4});

    InvalidContractException e =
        assertThrows(InvalidContractException.class, () -> ContractLoader.load(file.toString()));

    assertThat(e.problems(), hasSize(1));
    assertThat(e.getMessage(), containsString("not UTF-8"));
  }
}
