/** A Kafka broker for development, in a JVM of its own. */
@NullMarked
package io.highwater.broker;

import org.jspecify.annotations.NullMarked;
