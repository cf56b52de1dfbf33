// The part of JUnit's runners that the test of a bundle names.

package org.junit.runner

import kotlin.reflect.KClass

annotation class RunWith(val value: KClass<*>)
