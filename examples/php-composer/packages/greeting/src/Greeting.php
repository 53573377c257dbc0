<?php

namespace Example\Greeting;

final class Greeting
{
    public function to(string $name): string
    {
        return 'Hello, ' . mb_convert_case($name, MB_CASE_TITLE);
    }
}
