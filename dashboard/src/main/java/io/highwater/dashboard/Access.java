package io.highwater.dashboard;

import io.highwater.dashboard.AccessTokens.Role;
import io.highwater.dashboard.AccessTokens.Token;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.ForbiddenResponse;
import io.javalin.http.HandlerType;
import io.javalin.http.TooManyRequestsResponse;
import io.javalin.http.UnauthorizedResponse;
import io.javalin.router.Endpoint;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may ask for what. With a file of tokens every route needs one, but for {@link #OPEN} and the
 * page's own files, which say nothing of the data; without it whoever reaches the port may do
 * everything. The rules are by method and route, so that a new route has one from the start.
 */
final class Access {
  private static final Logger log = LoggerFactory.getLogger(Access.class);

  /** The attribute of a request that says who asks: a token's name, or {@link #LOCAL}. */
  static final String PRINCIPAL = "principal";

  /** Who asks where no tokens are asked for. */
  static final String LOCAL = "local";

  /** What probes and a page without a token ask. */
  static final Set<String> OPEN = Set.of("/health", "/ready", "/api/session");

  private static final Set<String> OF_ADMINS = Set.of("/api/audit");

  private static final String ROLE = "role";
  private static final String SCHEME = "Bearer ";

  private final @Nullable AccessTokens tokens;
  private final @Nullable RateLimit limit;
  private final InstantSource clock;

  private Access(@Nullable AccessTokens tokens, @Nullable RateLimit limit, InstantSource clock) {
    this.tokens = tokens;
    this.limit = limit;
    this.clock = clock;
  }

  /**
   * The access that a dashboard is started with.
   *
   * @throws IOException with one sentence if the tokens cannot be read
   */
  static Access of(DashboardConfig config, InstantSource clock) throws IOException {
    AccessTokens tokens = config.auth() == null ? null : AccessTokens.open(config.auth());
    boolean others = !isLoopback(config.host());
    if (others && tokens == null) {
      log.warn(
          "whoever reaches {} sees everything and may give feedback; --auth asks for tokens",
          config.host());
    }
    // What runs on this machine and needs no token is trusted not to flood it.
    RateLimit limit = others || tokens != null ? new RateLimit(System::nanoTime) : null;
    return new Access(tokens, limit, clock);
  }

  /** The least role that a route needs; null where it is open to all. */
  static @Nullable Role needed(HandlerType method, String route) {
    if (OPEN.contains(route)) {
      return null;
    }
    if (OF_ADMINS.contains(route)) {
      return Role.ADMIN;
    }
    boolean reads = method.equals(HandlerType.GET) || method.equals(HandlerType.HEAD);
    return reads ? Role.VIEWER : Role.OPERATOR;
  }

  void addTo(RoutesConfig routes) {
    routes.before(this::identify);
    routes.beforeMatched(this::require);
  }

  /** Whether requests need a token. */
  boolean isRequired() {
    return tokens != null;
  }

  /** Who asks, as the page wants to know it; name and role are null for nobody. */
  Map<String, @Nullable Object> session(Context context) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("auth_required", isRequired());
    json.put("name", nameOf(context));
    json.put("role", roleOf(context));
    return json;
  }

  /** Who asks; null for nobody. */
  static @Nullable String nameOf(Context context) {
    return context.attribute(PRINCIPAL);
  }

  /** The role of who asks; null for nobody. */
  static @Nullable String roleOf(Context context) {
    Role role = context.attribute(ROLE);
    return role == null ? null : role.code();
  }

  private void identify(Context context) {
    String who = "address " + context.ip();
    if (tokens == null) {
      context.attribute(PRINCIPAL, LOCAL);
      context.attribute(ROLE, Role.ADMIN);
    } else {
      String secret = secret(context);
      Token token = secret == null ? null : tokens.find(secret);
      if (token != null && !token.isExpired(clock.instant())) {
        context.attribute(PRINCIPAL, token.name());
        context.attribute(ROLE, token.role());
        who = "token " + token.name();
      }
    }
    if (limit != null && !limit.take(who)) {
      context.header("Retry-After", "1");
      throw new TooManyRequestsResponse(
          "more than %d requests a second of one %s; ask again in a second"
              .formatted(RateLimit.PER_SECOND, who.startsWith("token") ? "token" : "address"));
    }
  }

  private void require(Context context) {
    Endpoint endpoint = context.endpoints().matchedHttpEndpoint();
    Role needed = endpoint == null ? null : needed(endpoint.method, endpoint.path);
    if (needed == null) {
      return;
    }
    Role role = context.attribute(ROLE);
    if (role == null) {
      throw unauthorized(context);
    }
    if (role.compareTo(needed) < 0) {
      throw new ForbiddenResponse(
          "the token '%s' has the role %s, expected %s"
              .formatted(context.attribute(PRINCIPAL), role.code(), needed.code()));
    }
  }

  /** RFC 6750, 3: what is wrong with a token is said only to those who have sent one. */
  private UnauthorizedResponse unauthorized(Context context) {
    String challenge = "Bearer realm=\"highwater\"";
    String secret = secret(context);
    if (secret == null) {
      context.header("WWW-Authenticate", challenge);
      return new UnauthorizedResponse(
          "no token was sent, expected the header 'Authorization: Bearer TOKEN'");
    }
    context.header("WWW-Authenticate", challenge + ", error=\"invalid_token\"");
    Token token = tokens == null ? null : tokens.find(secret);
    return new UnauthorizedResponse(
        token == null
            ? "the token is not known here"
            : "the token '%s' has expired at %s".formatted(token.name(), token.expires()));
  }

  private static @Nullable String secret(Context context) {
    String header = context.header("Authorization");
    return header != null && header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        ? header.substring(SCHEME.length()).strip()
        : null;
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
