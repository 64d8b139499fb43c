package io.highwater.contract;

import static org.hamcrest.MatcherAssert.assertThat;
import static org.hamcrest.Matchers.containsInAnyOrder;
import static org.hamcrest.Matchers.containsString;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SqlCheckTest {
  private static SqlCheck check;

  @BeforeAll
  static void open() {
    Map<String, Optional<FieldType>> columns = new LinkedHashMap<>();
    columns.put("id", Optional.of(FieldType.INTEGER));
    columns.put("amount", Optional.of(FieldType.NUMBER));
    columns.put("name", Optional.of(FieldType.STRING));
    columns.put("paid", Optional.of(FieldType.BOOLEAN));
    columns.put("seen", Optional.of(FieldType.TIMESTAMP));
    columns.put("order", Optional.of(FieldType.INTEGER));
    columns.put("untyped", Optional.empty());
    check = SqlCheck.open(columns);
  }

  @AfterAll
  static void close() {
    check.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "INTEGER|id + 1",
        "INTEGER|length(name)",
        "INTEGER|CASE WHEN paid THEN 1 ELSE 0 END",
        "INTEGER|id % 24 -- hours",
        "INTEGER|\"order\" // 2",
        "NUMBER|id",
        "NUMBER|amount * 1.5",
        "NUMBER|CAST(0.5 AS FLOAT)",
        "NUMBER|0.061",
        "NUMBER|ln(1 + amount)",
        "NUMBER|greatest(amount, id)",
        "NUMBER|try_cast(name AS DOUBLE)",
        "NUMBER|date_part('hour', seen)",
        "BOOLEAN|paid",
        "BOOLEAN|PAID AND NOT Paid",
        "BOOLEAN|id BETWEEN 1 AND 5 OR id IN (7, 8)",
        "BOOLEAN|name LIKE 'a%' AND regexp_full_match(name, '[a-z]+')",
        "BOOLEAN|name IS NULL",
        "BOOLEAN|seen >= TIMESTAMP '2024-01-01' - INTERVAL 1 DAY",
        "STRING|coalesce(nullif(name, ''), 'none')",
        "STRING|if(paid, 'yes', 'no')",
        "INTEGER|TRY(CAST(name AS BIGINT))",
        "STRING|lower(name) || '?'",
        "STRING|CASE id WHEN 1 THEN 'one' ELSE 'more' END",
        "TIMESTAMP|date_trunc('hour', seen)",
        "TIMESTAMP|CAST(seen AS DATE)",
        "BOOLEAN|untyped",
      })
  void acceptsRowLevelExpressions(FieldType type, String sql) throws InvalidSqlException {
    check.check(sql, type);
  }

  @Test
  void namesTheFieldsAsTheContractDoes() throws InvalidSqlException {
    assertThat(
        check.check("CASE WHEN PAID THEN Amount + amount ELSE \"order\" END", FieldType.NUMBER),
        containsInAnyOrder("paid", "amount", "order"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "random()",
        "random() < 0.5",
        "now()",
        "main.now()",
        "today()",
        "transaction_timestamp()",
        "get_current_timestamp()",
        "uuid()",
        "gen_random_uuid()",
        "nextval('s')",
        "current_setting('threads')",
        "getvariable('x')",
        "current_database()",
        "current_query()",
        "sleep_ms(10)",
        "error('x')",
        "write_log('x')",
        "setseed(0.5)",
      })
  void refusesWhatIsNotDeterministic(String sql) {
    assertThat(
        refusalOf(sql), containsString("does not always give the same result for the same row"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "age(seen)",
        "current_localtimestamp()",
        "current_localtime()",
        "age(seen) > INTERVAL 1 DAY"
      })
  void refusesTheClockUnderOtherNames(String sql) {
    assertThat(refusalOf(sql), containsString("depends on the clock"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "current_date|no field is named current_date",
        "current_timestamp|no field is named current_timestamp",
        "ago(INTERVAL 1 DAY)|the function ago: ",
        "pg_sleep(1)|the function pg_sleep: ",
        "pg_get_constraintdef(1)|the function pg_get_constraintdef: ",
        "getenv('HOME')|there is no function getenv",
        "read_csv('/etc/passwd')|there is no function read_csv for expressions",
        "read_text('/etc/passwd')|there is no function read_text for expressions",
        "query('SELECT 1')|there is no function query for expressions",
        "(SELECT 1)|a subquery is not allowed",
        "(SELECT max(id) FROM batch)|a subquery is not allowed",
        "EXISTS (SELECT 1)|a subquery is not allowed",
        "id IN (SELECT 1)|a subquery is not allowed",
        "(FROM read_csv('/etc/passwd'))|a subquery is not allowed",
        "sum(id)|the function sum takes several rows",
        "count(*)|the function count_star takes several rows",
        "row_number() OVER ()|a window function is not allowed",
        "lag(id) OVER (ORDER BY id)|a window function is not allowed",
        "*|a star is not allowed",
        "batch.*|a star is not allowed",
        "COLUMNS('a.*')|a star is not allowed",
        "?|a parameter of a prepared statement is not allowed",
        "$1|a parameter of a prepared statement is not allowed",
        "#1|a column by its position is not allowed",
        "list_transform([id], lambda x: x + 1)[1]|a lambda is not allowed",
        "unknown_column|no field is named unknown_column",
        "batch.id|no field is named batch.id",
        "nothing(id)|there is no function nothing",
        "id +|syntax error",
        "1); DROP TABLE batch; SELECT (2|Only SELECT statements",
        "1); SELECT (2|not one expression",
        "1) FROM (SELECT 2|not one expression",
        "1), (2|not one expression",
        "1) AS x, (2|not one expression",
        "1) WHERE (true|not one expression",
        "1) ORDER BY (1|not one expression",
        "1) LIMIT (1|not one expression",
        "1) UNION ALL SELECT (2|not one expression",
        "id /* open|comment",
        "id + name|No function matches",
        "name|its type is VARCHAR, which is no boolean",
      })
  void refusesWhatIsNotAnExpressionOverOneRow(String sql, String reason) {
    assertThat(refusalOf(sql), containsString(reason));
  }

  @ParameterizedTest
  @CsvSource({
    "INTEGER, amount",
    "INTEGER, 1.5",
    "INTEGER, 170141183460469231731687303715884105727",
    "NUMBER, paid",
    "STRING, id",
    "BOOLEAN, 1",
    "TIMESTAMP, name",
    "TIMESTAMP, CAST(seen AS TIMESTAMPTZ)",
    "STRING, [name]"
  })
  void refusesATypeThatWouldLoseSomething(FieldType type, String sql) {
    InvalidSqlException e = assertThrows(InvalidSqlException.class, () -> check.check(sql, type));

    assertThat(e.getMessage(), containsString("which is no " + type.logicalType()));
  }

  private static String refusalOf(String sql) {
    InvalidSqlException e =
        assertThrows(InvalidSqlException.class, () -> check.check(sql, FieldType.BOOLEAN));
    return String.valueOf(e.getMessage());
  }
}
