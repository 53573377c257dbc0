<?php

namespace App;

use Example\Greeting\Greeting;

final class Router
{
    /** Answers a path: the text, or null where there is none. */
    public function answer(string $path): ?string
    {
        if ($path === '/') {
            return "Hello from Composer\n";
        }
        if (preg_match('#^/greet/([^/]+)$#', $path, $m)) {
            return (new Greeting())->to(urldecode($m[1])) . "\n";
        }
        return null;
    }
}
