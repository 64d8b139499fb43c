package io.highwater.contract;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;

/**
 * Reads contracts from YAML by the Open Data Contract Standard v3.1; docs/contracts.md says which
 * keys have an effect here.
 */
public final class ContractLoader {
  /** The names that {@link #load} knows without a file. */
  public static final List<String> BUILT_IN = List.of("warehouse-queries");

  private ContractLoader() {}

  /**
   * @param nameOrFile one of {@link #BUILT_IN} or the path of a YAML file
   * @throws InvalidContractException with every problem of the contract, or because there is none
   */
  public static Contract load(String nameOrFile) throws InvalidContractException {
    if (BUILT_IN.contains(nameOrFile)) {
      String resource = nameOrFile + ".yaml";
      try (InputStream in = ContractLoader.class.getResourceAsStream(resource)) {
        if (in == null) {
          throw new IllegalStateException("the jar lacks its resource " + resource);
        }
        return parse(resource, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw unreadable(nameOrFile, "cannot be read: " + e.getMessage());
      }
    }
    try {
      Path file = Path.of(nameOrFile);
      if (!Files.isRegularFile(file)) {
        throw unreadable(
            nameOrFile,
            "no such file and no built-in contract of that name, expected a YAML file or one of "
                + String.join(", ", BUILT_IN));
      }
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
      return parse(nameOrFile, StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
    } catch (InvalidPathException e) {
      throw unreadable(nameOrFile, "not a path: " + e.getReason());
    } catch (CharacterCodingException e) {
      throw unreadable(nameOrFile, "text that is not UTF-8, expected UTF-8");
    } catch (IOException e) {
      throw unreadable(nameOrFile, "cannot be read: " + e.getMessage());
    }
  }

  /**
   * @param fileName what messages call the file
   * @throws InvalidContractException with every problem of the contract
   */
  public static Contract parse(String fileName, String yaml) throws InvalidContractException {
    ContractProblems problems = new ContractProblems(fileName);
    Node root = compose(fileName, yaml, problems);
    Contract contract = root == null ? null : new ContractReader(problems).read(root);
    if (contract == null || !problems.isEmpty()) {
      throw problems.toException();
    }
    return contract;
  }

  private static @Nullable Node compose(String fileName, String yaml, ContractProblems problems) {
    LoadSettings settings = LoadSettings.builder().setLabel(fileName).build();
    try {
      Node root = new Compose(settings).composeString(yaml).orElse(null);
      if (root == null) {
        problems.add(1, 1, "the file, found nothing, expected a data contract");
      }
      return root;
    } catch (MarkedYamlEngineException e) {
      Mark mark = e.getProblemMark().or(e::getContextMark).orElse(null);
      problems.add(
          mark == null ? 1 : mark.getLine() + 1,
          mark == null ? 1 : mark.getColumn() + 1,
          "not YAML: " + e.getProblem() + (e.getContext() == null ? "" : " " + e.getContext()));
    } catch (YamlEngineException e) {
      // Such as a character that YAML does not allow; it has no position.
      problems.add(1, 1, "not YAML: " + ContractProblems.shorten(String.valueOf(e.getMessage())));
    }
    return null;
  }

  private static InvalidContractException unreadable(String nameOrFile, String problem) {
    return new InvalidContractException(List.of(nameOrFile + ": " + problem));
  }
}
