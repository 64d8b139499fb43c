/** Files into Kafka, in the order and at the pace of their events. */
@NullMarked
package io.highwater.runners.replay;

import org.jspecify.annotations.NullMarked;
